"""Locks between processes: waited for without blocking anybody else, and freed by the system when a holder dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import filelock

POLL_SECONDS = 0.02
PRIVATE = 0o600


class LockBusy(Exception):
    """Somebody else has held the lock all the time that one was willing to wait."""


@asynccontextmanager
async def holding(path: Path, seconds: float) -> AsyncIterator[None]:
    """Hold a lock while the block runs.

    Raises:
        LockBusy: it was not free within `seconds`.
    """
    lock = own(path)
    deadline = time.monotonic() + seconds
    while not acquired(lock):
        if time.monotonic() >= deadline:
            raise LockBusy(path)
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def own(path: Path) -> filelock.BaseFileLock:
    """A lock that nobody holds through this object yet."""
    return filelock.FileLock(path, mode=PRIVATE)


def acquired(lock: filelock.BaseFileLock, seconds: float = 0.0) -> bool:
    """Take a lock if it gets free in time."""
    try:
        lock.acquire(timeout=seconds)
    except filelock.Timeout:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock right now."""
    if not path.exists():
        return False
    lock = own(path)
    if not acquired(lock):
        return True
    lock.release()
    return False
