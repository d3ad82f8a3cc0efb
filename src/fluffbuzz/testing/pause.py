"""A place in an answer at which everything waits until the test goes on."""

from __future__ import annotations

import asyncio


class Pause:
    """Put one among the pieces of an answer; the answer stops there until `release` is called."""

    def __init__(self) -> None:
        self._reached = asyncio.Event()
        self._released = asyncio.Event()

    async def reached(self) -> None:
        """Wait until the answer has come to this place."""
        await self._reached.wait()

    def release(self) -> None:
        """Let the answer go on, now or as soon as it comes here."""
        self._released.set()

    async def hold(self) -> None:
        """Called by whoever gives the answer: say that it is here, and wait."""
        self._reached.set()
        await self._released.wait()
