"""What a look at a server's models found: a typed value, never a silent empty list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How the look ended."""

    FOUND = "found"
    EMPTY = "empty"
    REFUSED = "refused"
    NAME_NOT_FOUND = "name not found"
    TIMED_OUT = "timed out"
    TLS = "tls"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not found"
    NOT_JSON = "not json"
    HTTP_STATUS = "http status"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One row of a server's model list, as far as it can be relied on; `window` already knows the parent's.

    Attributes:
        window: tokens, or None where the row and its parent say nothing.
        parent: the base model of an adapter, or empty.
        is_window_inherited: whether the window is the parent's.
        is_chat: False where the row is clearly no chat model.
    """

    id: str
    window: int | None = None
    parent: str = ""
    is_window_inherited: bool = False
    is_chat: bool = True
    owned_by: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The result of one look.

    Attributes:
        base_url: whom was asked.
        at: when, in Unix seconds.
        models: what is served; empty unless found.
        status: the HTTP status, where one was received.
        detail: the technical words (an exception's text, the beginning of a body).
    """

    outcome: Outcome
    base_url: str
    at: float
    models: tuple[ServedModel, ...] = ()
    status: int | None = None
    detail: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether the server told its models, be it none."""
        return self.outcome in (Outcome.FOUND, Outcome.EMPTY)
