"""The exceptions that reach a surface: a small tree, each with what happened and what to do next.

Inside the house failures are values (`core.failure.Failure`); one of these is raised only where a person, or a
program that called ours, has to be told.
"""

from __future__ import annotations

from typing import ClassVar

from fluffbuzz.core.failure import Failure


class FluffBuzzError(Exception):
    """Something a person must be told.

    Attributes:
        message: one sentence or a short block: what happened, to what.
        next_step: what to do about it, a command or a setting; empty where nothing can be done.
        detail: the technical story, shown with `--debug` only.
        exit_code: what the command line exits with (1 failed, 2 usage).
    """

    exit_code: ClassVar[int] = 1

    @property
    def kind(self) -> str:
        """What scripts may act on: `usage_error`, `unknown_model` …, or a failed request's own kind."""
        name = type(self).__name__
        return name[0].lower() + "".join(f"_{char.lower()}" if char.isupper() else char for char in name[1:])

    def __init__(self, message: str, next_step: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message}\n{self.next_step}" if self.next_step else self.message


class UsageError(FluffBuzzError):
    """A command or one of its options was used in a way that cannot mean anything."""

    exit_code = 2


class ConfigError(FluffBuzzError):
    """The configuration cannot be used; the message lists every mistake with file, line and column."""


class UnknownModel(FluffBuzzError):
    """A model reference that names nothing; the message lists what there is."""


class CredentialNeeded(FluffBuzzError):
    """A provider has no usable credential."""


class StorageError(FluffBuzzError):
    """The state directory or database cannot be read or written (full, locked, read-only, corrupt, too new)."""


class RequestFailed(FluffBuzzError):
    """A request, or a look at a server, came to nothing; `failure` holds the evidence where there is any."""

    def __init__(self, message: str, next_step: str = "", detail: str = "", failure: Failure | None = None) -> None:
        super().__init__(message, next_step, detail)
        self.failure = failure

    @property
    def kind(self) -> str:
        """The `FailureKind`, where there is evidence of one."""
        return self.failure.kind if self.failure else super().kind
