"""Whole processes timed side by side, in turn, so that a machine's drift meets all of them alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """Seconds of each run, in order."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of them."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{self.median:.3f} s (min {min(self.seconds):.3f}, max {max(self.seconds):.3f})"


def in_turn(actions: Mapping[str, Callable[[], object]], runs: int, warmup: int = 2) -> dict[str, Sample]:
    """Time actions A B C A B C …; the first rounds are not counted."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for round_ in range(warmup + runs):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            if round_ >= warmup:
                times[name].append(time.perf_counter() - began)
    return {name: Sample(tuple(seconds)) for name, seconds in times.items()}


def process(command: Sequence[str], env: Mapping[str, str]) -> Callable[[], object]:
    """An action that runs a command to its end and insists that it succeeds."""

    def run() -> None:
        subprocess.run(command, env=dict(env), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    return run
