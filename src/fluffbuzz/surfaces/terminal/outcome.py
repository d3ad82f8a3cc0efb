"""How a turn ended, in words: its closing line, and its trouble if it had any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluffbuzz.core.errors import FluffBuzzError, RequestFailed
from fluffbuzz.core.reply import Choice
from fluffbuzz.core.session import CallOutcome
from fluffbuzz.core.usage import CountKind
from fluffbuzz.runtime.explanation import explain_failure
from fluffbuzz.surfaces.terminal.wording import context_line, speed_line, tokens_line

if TYPE_CHECKING:
    from fluffbuzz.runtime.turn import Turn


def closing_line(turn: Turn) -> str:
    """`here/… · 40 in (32 cached) · 8 out · 1.2 % of 4,096 · first token 0.09 s · 92 tok/s`."""
    model = turn.selection.candidate.model
    parts = [str(model.ref), tokens_line(turn.usage), context_line(turn.context, model.window)]
    return " · ".join([*parts, speed_line(turn.calls[-1])])


def trouble(turn: Turn) -> FluffBuzzError | None:
    """What the user must be told about a turn: why it failed, that it only thought, or that it was not stored."""
    if turn.failure is not None:
        selection = turn.selection
        has_part = bool(turn.calls) and turn.calls[-1].outcome is CallOutcome.CUT
        return explain_failure(turn.failure, selection.candidate, selection.provider, has_part=has_part)
    first = turn.reply.first
    if first.is_thinking_only:
        return RequestFailed(f"The model only thought and gave no answer{_spent(turn)}.", _thinking_advice(turn))
    if not first.text.strip():
        return RequestFailed(_said_nothing(first), "Ask again, or differently.")
    return turn.storage_trouble


def _said_nothing(choice: Choice) -> str:
    names = ", ".join(call.name for call in choice.tool_calls)
    return (
        f"The model asked for tools ({names}) that it was not offered." if names else "The model gave an empty answer."
    )


def _spent(turn: Turn) -> str:
    output = turn.usage.output
    tokens = "" if output.kind is CountKind.UNKNOWN else f"{output} tokens"
    stop = turn.reply.first.stop
    reason = f"it ended with “{stop}”" if stop else ""
    said = ", ".join(part for part in (tokens, reason) if part)
    return f" ({said})" if said else ""


def _thinking_advice(turn: Turn) -> str:
    if turn.reply.first.stop == "length":
        return "Give it more room with a larger --max-tokens, or ask for less."
    return "The server may take the whole answer for thinking: check that its reasoning parser fits the model."
