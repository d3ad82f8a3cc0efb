"""The one place where the configuration touches the disk: bounded reading, atomic writing, the lock.

A file is replaced as a whole or not at all: written beside the old one, flushed to the disk, then renamed over it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fluffbuzz.config.problems import Problem
from fluffbuzz.core.errors import ConfigError

MAX_FILE_BYTES = 2 * 1024 * 1024
LOCK_SECONDS = 5.0
"""How long to wait for another process that is changing the same file; a change takes milliseconds."""

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700

Read = Callable[[Path], bytes]


class TooLarge(OSError):
    """A file with more than MAX_FILE_BYTES."""


def read(path: Path) -> bytes:
    """The bytes of a regular file. Raises OSError, among them TooLarge and IsADirectoryError."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(None, "it is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(None, "it is no regular file")
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge(None, f"it is larger than {MAX_FILE_BYTES // (1024 * 1024)} MiB")
    return data


def reason(error: OSError) -> str:
    """Why a file cannot be read or written, in words."""
    return error.strerror[:1].lower() + error.strerror[1:] if error.strerror else type(error).__name__


def unreadable(path: Path, error: OSError) -> Problem:
    """The problem that a file which is there cannot be read."""
    return Problem("error", path, 0, 0, "", f"this file cannot be read: {reason(error)}")


def canonical(path: Path) -> Path:
    """The path without symbolic links and `..`, so that two ways to one file are seen to be one."""
    return Path(os.path.realpath(path))


@dataclass(frozen=True, slots=True)
class Disk:
    """The steps of a write, so that tests can make each of them fail."""

    read: Read = read
    open: Callable[[Path, int, int], int] = os.open
    write: Callable[[int, bytes], int] = os.write
    chmod: Callable[[int, int], None] = os.fchmod
    sync: Callable[[int], None] = os.fsync
    replace: Callable[[Path, Path], None] = os.replace


def write(path: Path, data: bytes, disk: Disk) -> None:
    """Replace the file's contents atomically; a new file is private, an old one keeps its mode. Raises OSError.

    Must be called under `locked(path)`: the temporary file has a fixed name, so a killed process leaves at most one.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        _fill(temporary, data, _mode(path), disk)
        disk.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent, disk)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return PRIVATE_FILE


def _fill(path: Path, data: bytes, mode: int, disk: Disk) -> None:
    file = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[disk.write(file, bytes(rest)) :]
        disk.chmod(file, mode)
        disk.sync(file)
    finally:
        os.close(file)


def _sync_directory(path: Path, disk: Disk) -> None:
    """Make the rename itself durable; not every file system can, and the file is whole either way."""
    with suppress(OSError):
        directory = disk.open(path, os.O_RDONLY, 0)
        try:
            disk.sync(directory)
        finally:
            os.close(directory)


@contextmanager
def locked(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock that everybody who changes this file takes; make its directory, private, where there is none."""
    import filelock  # only a change needs it

    path.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=seconds, mode=PRIVATE_FILE)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise ConfigError(
            f"Another process has been changing {path} for {seconds:g} seconds.",
            "Try again when it is done.",
        ) from None
    try:
        yield
    finally:
        lock.release()
