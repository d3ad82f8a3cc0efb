"""The answer as a value, folded from the events that it arrived in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from fluffbuzz.core.events import (
    ChoiceFinished,
    Event,
    ReplyFailed,
    ReplyFinished,
    ReplyStarted,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReported,
)
from fluffbuzz.core.failure import Failure
from fluffbuzz.core.messages import Message, Part, Role, Text, Thinking, ToolCall
from fluffbuzz.core.usage import ServerUsage, Usage, settle


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers of a call: its text, its thinking, its tool calls, and why it ended (None: it did not)."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    stop: StopReason | None = None

    @property
    def is_thinking_only(self) -> bool:
        """Whether the model thought and then said nothing."""
        return bool(self.thinking) and not self.text.strip() and not self.tool_calls

    @property
    def message(self) -> Message:
        """The choice as an assistant message."""
        parts: list[Part] = []
        if self.thinking:
            parts.append(Thinking(self.thinking))
        if self.text:
            parts.append(Text(self.text))
        return Message(Role.ASSISTANT, (*parts, *self.tool_calls))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call received.

    Attributes:
        choices: by index, at least one.
        usage: the server's counts, each exact, estimated or unknown.
        id, model: the server's own names, or empty.
        failure: why the answer is incomplete; None when it is whole.
    """

    choices: tuple[Choice, ...]
    usage: Usage
    id: str = ""
    model: str = ""
    failure: Failure | None = None

    @property
    def first(self) -> Choice:
        """The first choice, the only one unless several were asked for."""
        return self.choices[0]


@dataclass(slots=True)
class _OpenCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _OpenChoice:
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    calls: dict[int, _OpenCall] = field(default_factory=dict)
    stop: StopReason | None = None

    def close(self) -> Choice:
        calls = (self.calls[index] for index in sorted(self.calls))
        return Choice(
            "".join(self.text),
            "".join(self.thinking),
            tuple(ToolCall(call.id, call.name, "".join(call.arguments)) for call in calls),
            self.stop,
        )


class ReplyFold:
    """Takes the events of one call and can say at any moment what has been received."""

    def __init__(self) -> None:
        self._choices: dict[int, _OpenChoice] = {0: _OpenChoice()}
        self._started = ReplyStarted()
        self._report: ServerUsage | None = None
        self._finished = False
        self._failure: Failure | None = None

    def feed(self, event: Event) -> None:
        """Take one event."""
        match event:
            case TextDelta(text, choice):
                self._choice(choice).text.append(text)
            case ThinkingDelta(text, choice):
                self._choice(choice).thinking.append(text)
            case ToolCallDelta():
                self._take_call(event)
            case UsageReported(usage):
                self._report = usage
            case ChoiceFinished(reason, choice):
                self._choice(choice).stop = reason
            case ReplyStarted():
                self._started = event
            case ReplyFinished():
                self._finished = True
            case ReplyFailed(failure):
                self._failure = failure
            case _:
                assert_never(event)

    @property
    def reply(self) -> Reply:
        """The answer as far as it has been received."""
        choices = tuple(self._choices[index].close() for index in sorted(self._choices))
        thought = any(choice.thinking for choice in choices)
        usage = settle(self._report, thought=thought, is_final=self._finished)
        return Reply(choices, usage, self._started.id, self._started.model, self._failure)

    def _choice(self, index: int) -> _OpenChoice:
        return self._choices.setdefault(index, _OpenChoice())

    def _take_call(self, delta: ToolCallDelta) -> None:
        call = self._choice(delta.choice).calls.setdefault(delta.index, _OpenCall())
        call.id = call.id or delta.id
        call.name = call.name or delta.name
        call.arguments.append(delta.arguments)
