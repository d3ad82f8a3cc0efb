"""Who is alive: a lock of the operating system, held by every process that runs turns.

Rule: a process holds the lock on `running/<owner>.lock` before it writes its first turn, and the system takes it away
when the process ends, however it ends. So a running turn whose owner's lock can be had belongs to nobody any more.

`fcntl.flock` itself, not the library filelock (which does the same): its import takes 10 ms on every question's way.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Ownership:
    """This process's lock, and the look at those of others; all methods may raise OSError.

    Without a directory (a database in memory) there are no others.
    """

    def __init__(self, directory: Path | None, owner: str) -> None:
        self.owner = owner
        self._directory = directory
        self._descriptor: int | None = None

    def claim(self) -> None:
        """Hold our own lock from now on."""
        if self._directory and self._descriptor is None:
            self._descriptor = _try_lock(self._directory, self.owner)

    def release(self) -> None:
        """Give our own lock back."""
        if self._directory and self._descriptor is not None:
            _remove(self._directory, self.owner)
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def examine(self, owner: str) -> Iterator[bool]:
        """Whether an owner is dead; if so its lock is ours within the context, and gone after it."""
        if not self._directory or owner == self.owner:
            yield False
            return
        descriptor = _try_lock(self._directory, owner)
        if descriptor is None:
            yield False
            return
        try:
            yield True
            _remove(self._directory, owner)
        finally:
            os.close(descriptor)


def _try_lock(directory: Path, owner: str) -> int | None:
    directory.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(_path(directory, owner), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


def _remove(directory: Path, owner: str) -> None:
    """Tidy up; a file left behind harms nobody, since whoever finds it can have its lock."""
    with suppress(OSError):
        _path(directory, owner).unlink()


def _path(directory: Path, owner: str) -> Path:
    return directory / f"{owner}.lock"
