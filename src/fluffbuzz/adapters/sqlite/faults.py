"""SQLite's and the file system's troubles, told to a person: what failed, where, and what to do next.

The cause is read from SQLite's result code or from errno, never from an error's prose.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from fluffbuzz.core.errors import StorageError

_OLDEST_SQLITE = (3, 34, 0)
"""The first release with the trigram tokenizer, which the search index is built with."""

_PRIMARY_CODE = 0xFF
_DISK_FULL = ("the disk is full", "Free some space there and repeat what you did; what was stored before is safe.")
_NOT_ALLOWED = (
    "writing there is not allowed",
    "Make the directory and the file in it writable for you, or let FLUFFBUZZ_STATE_DIR name another directory.",
)
_NO_DATABASE = (
    "the file is damaged or is no SQLite database",
    (
        "Nothing was changed. Move the file, with those of the same name that end in -wal and -shm, to another place "
        "and try again: a new one is made. A copy from before the last upgrade, if there was one, ends in .bak."
    ),
)
_UNUSABLE = ("it cannot be opened", "Check that its directory exists and that you may read and write there.")
_FAILED_DEVICE = ("reading or writing the file failed", "Check the disk or the network share that it lies on.")

_BY_RESULT_CODE = {
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_READONLY: _NOT_ALLOWED,
    sqlite3.SQLITE_PERM: _NOT_ALLOWED,
    sqlite3.SQLITE_AUTH: _NOT_ALLOWED,
    sqlite3.SQLITE_CORRUPT: _NO_DATABASE,
    sqlite3.SQLITE_NOTADB: _NO_DATABASE,
    sqlite3.SQLITE_CANTOPEN: _UNUSABLE,
    sqlite3.SQLITE_IOERR: _FAILED_DEVICE,
}
_BY_ERRNO = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: _NOT_ALLOWED,
    errno.EIO: _FAILED_DEVICE,
}


def database_error(error: sqlite3.Error, path: Path, action: str, busy_timeout: float) -> StorageError:
    """What SQLite could not do; `action` continues "FluffBuzz could not …"."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        what = f"another program kept it locked for more than {busy_timeout:g} s"
        next_step = "Try again; if it stays so, close other programs that have this file open."
    else:
        what, next_step = _BY_RESULT_CODE.get(code, (str(error), "Run it again with --debug for the whole story."))
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StorageError(f"FluffBuzz could not {action} in {path}: {what}.", next_step, f"{name}: {error}")


def file_error(error: OSError, path: Path, action: str) -> StorageError:
    """What the file system did not let us do."""
    what, next_step = _BY_ERRNO.get(error.errno or 0, (error.strerror or str(error), _UNUSABLE[1]))
    return StorageError(f"FluffBuzz could not {action} {error.filename or path}: {what}.", next_step, repr(error))


def value_error(error: ValueError, path: Path, action: str) -> StorageError:
    """A value that cannot be stored, or that was stored and makes no sense."""
    return StorageError(
        f"FluffBuzz could not {action} in {path}: a value there, or one to be written, cannot be used.",
        "Run it again with --debug for the whole story.",
        f"{type(error).__name__}: {error}",
    )


def require_sqlite(version: tuple[int, ...]) -> None:
    """Refuse an SQLite that cannot search parts of words.

    Raises:
        StorageError: the release is older than 3.34.
    """
    if version < _OLDEST_SQLITE:
        raise StorageError(
            f"FluffBuzz needs SQLite {_dotted(_OLDEST_SQLITE)} or newer; this Python comes with {_dotted(version)}.",
            "Use a newer Python (python.org and uv bring a recent SQLite), or update your system's SQLite.",
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
