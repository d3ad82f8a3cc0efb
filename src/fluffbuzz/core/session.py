"""Conversations as they are kept: sessions, a tree of messages that only grows, turns, and the calls of a turn.

A turn's usage is derived from its calls, a session's from its turns; nothing is stored twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluffbuzz.core.messages import Message
from fluffbuzz.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation.

    Attributes:
        id: short, unique, sortable by creation.
        title: the beginning of its first message, or what the user called it.
        created, updated: Unix seconds.
        model: the reference that the user chose for this session, or empty for the default.
        leaf: id of the newest message of the branch in use, or None while it is empty.
        messages: how many messages the session holds, all branches together.
    """

    id: str
    title: str
    created: float
    updated: float
    model: str = ""
    leaf: int | None = None
    messages: int = 0


class MessageState(StrEnum):
    """Whether a stored message is whole; the states of answers that are not say why."""

    WHOLE = "whole"
    STREAMING = "streaming"
    CANCELLED = "cancelled"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in its session's tree; `parent` is the message that it answers or follows, None for a root."""

    id: int
    parent: int | None
    message: Message
    state: MessageState
    created: float
    model: str = ""


class CallKind(StrEnum):
    """What a call of a turn was for."""

    ANSWER = "answer"
    RETRY = "retry"
    CONTINUATION = "continuation"


class CallOutcome(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Timings:
    """Measured times of a call in seconds: to the first token (None: there was none), and in all."""

    first_token: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Call:
    """One request that a turn made, finished in whatever way.

    Attributes:
        model: the reference of the model asked.
        base_url: the endpoint asked.
        credential: where the key came from, for people; never the key.
        started: Unix seconds.
        finish: why the answer ended (a `StopReason`), or empty.
        failure: kind of the failure (a `FailureKind`), or empty, and `message` with its words.
    """

    kind: CallKind
    model: str
    base_url: str
    credential: str
    started: float
    usage: Usage
    timings: Timings
    outcome: CallOutcome
    finish: str = ""
    failure: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class TurnSummary:
    """A turn for accounting: its calls in order, and how it ended (None while it runs)."""

    id: int
    session: str
    started: float
    calls: tuple[Call, ...]
    outcome: CallOutcome | None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that matches a search: where it is, and a piece of its text around the match."""

    session: str
    title: str
    message: int
    role: str
    created: float
    excerpt: str
