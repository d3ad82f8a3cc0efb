"""Whether the disk has room for what is about to be fetched: told before the first byte, not after the last."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from fluffbuzz.core.errors import StorageError

SPARE = 16 * 1024 * 1024
"""What must be left for everybody else."""

FreeRoom = Callable[[Path], int]
"""Bytes that may still be written below a directory."""


def free_room(place: Path) -> int:
    """What the file system says."""
    return shutil.disk_usage(place).free


def check_room(place: Path, needed: int, free: FreeRoom = free_room) -> None:
    """Raises StorageError where `needed` bytes would not fit."""
    have = free(place)
    if have < needed + SPARE:
        raise StorageError(
            f"The embedded model needs {_megabytes(needed + SPARE)} in {place}, where {_megabytes(have)} are free.",
            "Make room there (or set FLUFFBUZZ_STATE_DIR to another disk), then: fluffbuzz embedded pull",
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
