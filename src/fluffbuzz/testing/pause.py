"""A place in an answer at which everything waits until the test goes on."""

from __future__ import annotations

import asyncio
import threading


class Pause:
    """Put one among the pieces of an answer; the answer stops there until `release` is called.

    The test may stand in another thread than the answer.
    """

    def __init__(self) -> None:
        self._here = threading.Event()
        self._reached = asyncio.Event()
        self._released = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def reached(self) -> None:
        """Wait until the answer has come to this place (in the same event loop)."""
        await self._reached.wait()

    def wait_until_reached(self, seconds: float) -> bool:
        """The same from another thread; False where it did not come here in time."""
        return self._here.wait(seconds)

    def release(self) -> None:
        """Let the answer go on, now or as soon as it comes here."""
        if self._loop is None:
            self._released.set()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._released.set)

    async def hold(self) -> None:
        """Called by whoever gives the answer: say that it is here, and wait."""
        self._loop = asyncio.get_running_loop()
        self._reached.set()
        self._here.set()
        await self._released.wait()
