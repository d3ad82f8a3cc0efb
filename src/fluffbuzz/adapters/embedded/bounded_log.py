"""A log that never grows beyond a bound, though native code writes it: its older part is cut off now and then."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 1024 * 1024
KEPT_BYTES = 128 * 1024
PRIVATE = 0o600


def open_log(path: Path) -> BinaryIO:
    """Open a log to append to, for its owner alone; whoever appends so is not disturbed by `bound`."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, PRIVATE)

    return open(path, "ab", buffering=0, opener=opener)


def bound(path: Path, max_bytes: int = MAX_BYTES, kept_bytes: int = KEPT_BYTES) -> None:
    """Cut a log that has grown too long down to its newest part."""
    with suppress(OSError), path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if size <= max_bytes:
            return
        file.seek(size - kept_bytes)
        newest = file.read().partition(b"\n")[2]
        file.truncate(0)
        with open_log(path) as log:
            log.write(newest)


def tail(path: Path, start: int, max_bytes: int = 8192) -> str:
    """The end of what was written since the log was `start` bytes long."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(min(start, size), size - max_bytes))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def length(path: Path) -> int:
    """Bytes written so far."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
