"""Messages and their parts: what a conversation is made of, whoever's dialect carries it.

A message is immutable and holds everything that was said, thinking and tool traffic included; what a given endpoint
is sent of it is decided by the dialect that encodes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """A model's reasoning, kept apart from its answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image by value: `media_type` such as `image/png`, and its bytes."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for; `arguments` is the JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call of that id."""

    call_id: str
    text: str


Part = Text | Thinking | Image | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of one speaker, as an ordered tuple of parts."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All plain text of the message, joined as it stands."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        """All reasoning of the message, joined as it stands."""
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the message asks for, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def has_images(self) -> bool:
        """Whether any part is an image."""
        return any(isinstance(part, Image) for part in self.parts)


def system(text: str) -> Message:
    """A system message of plain text."""
    return Message(Role.SYSTEM, (Text(text),))


def user(text: str, images: tuple[Image, ...] = ()) -> Message:
    """A user message: its text, then its images."""
    return Message(Role.USER, (Text(text), *images))


def assistant(text: str) -> Message:
    """An assistant message of plain text."""
    return Message(Role.ASSISTANT, (Text(text),))
