"""What to do after a call: the whole retry policy as one pure function, from progress and outcome to an action.

Nothing here waits, counts seconds or talks to anyone; the engine performs what is decided here. Once something
visible was delivered nothing is asked anew: the answer then ends as it is, marked incomplete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from fluffbuzz.core.failure import Failure, FailureKind


class Option(StrEnum):
    """A field that some servers refuse and that an answer can do without."""

    STREAM_OPTIONS = "stream_options"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request has come: what is left out by now, and whether the reader has seen anything."""

    without: frozenset[Option] = frozenset()
    is_visible: bool = False
    calls: int = 0

    def seen(self) -> Progress:
        """The same, now that the reader has seen something."""
        return self if self.is_visible else replace(self, is_visible=True)


@dataclass(frozen=True, slots=True)
class Answered:
    """The call ended well."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The call ended in a failure, possibly after something visible."""

    failure: Failure


Outcome = Answered | Failed


@dataclass(frozen=True, slots=True)
class Start:
    """Make a call, leaving these options out."""

    without: frozenset[Option]


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing more can be done; `failure` is what the user is told, None after a whole answer."""

    failure: Failure | None = None


Action = Start | Stop


def begin(without: frozenset[Option] = frozenset()) -> tuple[Progress, Action]:
    """The first call, without what this endpoint is known to refuse."""
    return Progress(without), Start(without)


def advance(progress: Progress, outcome: Outcome) -> tuple[Progress, Action]:
    """The next action after a call."""
    progress = replace(progress, calls=progress.calls + 1)
    match outcome:
        case Answered():
            return progress, Stop()
        case Failed(failure):
            return _after_failure(progress, failure)
        case _:
            assert_never(outcome)


def _after_failure(progress: Progress, failure: Failure) -> tuple[Progress, Action]:
    refused = Option.STREAM_OPTIONS
    if failure.kind is FailureKind.OPTION_REFUSED and not progress.is_visible and refused not in progress.without:
        without = progress.without | {refused}
        return replace(progress, without=without), Start(without)
    return progress, Stop(failure)
