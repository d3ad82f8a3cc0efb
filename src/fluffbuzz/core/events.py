"""What happens while an answer arrives, in the order in which it happens.

`ReplyStarted` comes first, `ReplyFinished` or `ReplyFailed` last and exactly once; a stream that merely stops is a
failure. Deltas carry the index of their choice; `UsageReported` is cumulative within a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluffbuzz.core.failure import Failure
from fluffbuzz.core.usage import ServerUsage


class StopReason(StrEnum):
    """Why a choice ended by itself."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The server began to answer; `id` and `model` are its own names for the answer and the model."""

    id: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of a choice."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More reasoning of a choice."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of a tool call: `index` counts the calls of a choice; id and name come once, arguments in pieces."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    choice: int = 0


@dataclass(frozen=True, slots=True)
class UsageReported:
    """The server's count so far; a later report replaces an earlier one."""

    usage: ServerUsage


@dataclass(frozen=True, slots=True)
class ChoiceFinished:
    """A choice ended for this reason; usage may still follow."""

    reason: StopReason
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The whole answer was received."""


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The answer ended here without being finished; what was received before it stays valid."""

    failure: Failure


Event = (
    ReplyStarted
    | TextDelta
    | ThinkingDelta
    | ToolCallDelta
    | UsageReported
    | ChoiceFinished
    | ReplyFinished
    | ReplyFailed
)


def is_visible(event: Event) -> bool:
    """Whether a reader sees anything of it: text, thinking or a tool call (deltas are never empty)."""
    return isinstance(event, TextDelta | ThinkingDelta | ToolCallDelta)
