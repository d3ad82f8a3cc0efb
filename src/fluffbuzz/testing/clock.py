"""A clock that moves only when a test says so, and then wakes everybody whose time has come, in order."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

SETTLING_ROUNDS = 50
"""Turns that the event loop is given, after each step of time, to do whatever has become possible."""


async def settle() -> None:
    """Let every task run until it waits for something that only the test can bring about."""
    for _ in range(SETTLING_ROUNDS):
        await asyncio.sleep(0)


class FakeClock:
    """Fulfils `ports.Clock`; `advance` is the only thing that moves it.

    Args:
        now: Unix seconds at the beginning.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._beginning = now
        self._passed = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Unix seconds."""
        return self._beginning + self._passed

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has advanced the clock that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed + seconds, next(self._order), woken))
        await woken

    @property
    def sleepers(self) -> int:
        """How many are waiting for time to pass."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move time forward, waking sleepers one after another at exactly their time.

        Whoever is woken runs until it waits again before the next one is woken, so that a task that sleeps in a loop
        wakes as often as it would in real life.
        """
        await settle()
        until = self._passed + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self._passed, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
                await settle()
        self._passed = until
        await settle()

    def jump(self, seconds: float) -> None:
        """Move time forward while nobody sleeps, as between two runs of a program."""
        self._passed += seconds
