"""When nobody has wanted anything for long enough: decided from what a server counts, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Activity:
    """A look at a server.

    Attributes:
        is_busy: whether a request is being answered or waits for its turn.
        marks: counts that differ from those of an earlier look if anything was asked in between.
    """

    is_busy: bool
    marks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class IdleWatch:
    """How long nothing has happened, in seconds of a clock that never runs backwards."""

    limit: float
    since: float
    marks: tuple[float, ...] = ()

    def observe(self, now: float, activity: Activity) -> IdleWatch:
        """The watch after another look; whatever happened before it, idleness begins anew at this look."""
        if activity.is_busy or activity.marks != self.marks:
            return replace(self, since=now, marks=activity.marks)
        return self

    def is_over(self, now: float) -> bool:
        """Whether the limit is reached."""
        return now - self.since >= self.limit
