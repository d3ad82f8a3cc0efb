"""The result of `ask --json`: one stable object, documented in docs/json.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluffbuzz.core.errors import FluffBuzzError
from fluffbuzz.core.usage import Count, CountKind, Usage
from fluffbuzz.surfaces.cli.json_output import render_json
from fluffbuzz.surfaces.terminal.wording import tokens_per_second

if TYPE_CHECKING:
    from fluffbuzz.runtime.turn import Turn


def turn_report(turn: Turn, saved: bool, error: FluffBuzzError | None) -> str:  # noqa: FBT001 -- one of three facts
    """The object for a turn that was answered, at least in part."""
    model, call = turn.selection.candidate.model, turn.calls[-1]
    first = turn.reply.first
    report: dict[str, Any] = {
        "text": first.text,
        "thinking": first.thinking,
        "model": str(model.ref),
        "usage": usage_report(turn.usage),
        "context": {"used": count_report(turn.context), "window": model.window.tokens if model.window else None},
        "session": turn.session if saved else None,
        "finish": first.stop,
        "timings": {
            "firstToken": call.timings.first_token,
            "total": call.timings.total,
            "tokensPerSecond": tokens_per_second(call),
        },
    }
    if error is not None:
        report["error"] = _error(error)
    return render_json(report)


def error_report(error: FluffBuzzError) -> str:
    """The object for a question that could not be asked."""
    return render_json({"error": _error(error)})


def usage_report(usage: Usage) -> dict[str, Any]:
    """Counts as numbers (null: unknown), and how each is known."""
    counts = {"input": usage.input, "output": usage.output, "cached": usage.cached, "reasoning": usage.reasoning}
    report: dict[str, Any] = {name: count_report(count) for name, count in counts.items()}
    return report | {"kinds": {name: count.kind for name, count in counts.items()}}


def count_report(count: Count) -> int | None:
    """The number, or null where it is unknown."""
    return None if count.kind is CountKind.UNKNOWN else count.tokens


def _error(error: FluffBuzzError) -> dict[str, Any]:
    return {"kind": error.kind, "message": error.message, "nextStep": error.next_step}
