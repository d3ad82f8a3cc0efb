"""How a turn ended, in words: its closing line, and its trouble if it had any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluffbuzz.core.errors import FluffBuzzError, RequestFailed
from fluffbuzz.core.events import StopReason
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.reply import Choice
from fluffbuzz.core.session import CallOutcome
from fluffbuzz.core.usage import CountKind
from fluffbuzz.runtime.explanation import explain_failure
from fluffbuzz.surfaces.terminal.wording import context_line, speed_line, tokens_line

if TYPE_CHECKING:
    from fluffbuzz.runtime.turn import Turn


_CUTS = {StopReason.LENGTH: "cut at the limit", StopReason.CONTENT_FILTER: "cut by the server's filter"}


def closing_line(turn: Turn) -> str:
    """`here/… · 40 in (32 cached) · 8 out · 1.2 % of 4,096 · first token 0.09 s · 92 tok/s`."""
    model = turn.selection.candidate.model
    parts = [str(model.ref), tokens_line(turn.usage), context_line(turn.context, model.window)]
    stop = turn.reply.first.stop
    cut = [f"{_CUTS[stop]} ({stop})"] if stop in _CUTS else []
    return " · ".join([*parts, speed_line(turn.calls[-1]), *cut])


def cut_line(turn: Turn) -> str:
    """That a whole answer is shorter than the model meant it, in a line of its own, or empty."""
    stop, output = turn.reply.first.stop, turn.calls[-1].usage.output
    if stop not in _CUTS:
        return ""
    of = f" of {output} tokens" if stop == StopReason.LENGTH and output.kind is CountKind.EXACT else ""
    return f"the answer was {_CUTS[stop]}{of} (finish: {stop})"


def cancelled_line(turn: Turn, *, is_kept: bool) -> str:
    """What is left of a cancelled answer in a chat, and what can be done with it."""
    if not turn.calls or not turn.answer.text:
        return "cancelled before anything arrived. /retry"
    if turn.storage_trouble is not None:
        return "cancelled; the part may be lost. /retry"
    return f"cancelled; the part is {'kept' if is_kept else 'there until you leave'}. /continue or /retry"


def troubles(turn: Turn, *, is_kept: bool) -> Sequence[FluffBuzzError]:
    """What the user must be told about a turn: why it failed or that it only thought, and that it was not stored.

    Args:
        is_kept: whether what arrives is meant to be kept.
    """
    found = (_answer_trouble(turn, is_kept=is_kept and turn.storage_trouble is None), turn.storage_trouble)
    return [trouble for trouble in found if trouble is not None]


def _answer_trouble(turn: Turn, *, is_kept: bool) -> FluffBuzzError | None:
    if turn.failure is not None:
        return _explain(turn, turn.failure, is_kept=is_kept)
    if turn.answer.text.strip():  # a continuation may well end at once
        return None
    first = turn.reply.first
    if first.is_thinking_only:
        return RequestFailed(f"The model only thought and gave no answer{_spent(turn)}.", _thinking_advice(turn))
    return RequestFailed(_said_nothing(first), "Ask again, or differently.")


def _explain(turn: Turn, failure: Failure, *, is_kept: bool) -> FluffBuzzError:
    """Why a turn failed; of a part only what is true is said."""
    selection = turn.selection
    has_part = bool(turn.calls) and turn.calls[-1].outcome is CallOutcome.CUT
    found = explain_failure(failure, selection.candidate, selection.provider, has_part=has_part)
    if has_part and not is_kept:
        step = f"{failure.advice} What arrived is not stored. Try again.".lstrip()
    elif not has_part and failure.kind is FailureKind.CUT:
        step = failure.advice or "Nothing had arrived. Try again."
    else:
        return found
    return RequestFailed(found.message, step, found.detail, failure)


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
