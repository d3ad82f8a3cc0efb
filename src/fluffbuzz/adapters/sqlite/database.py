"""One connection to the state database: short transactions, one at a time, off the event loop.

Rule: every access is one transaction that is committed whole or leaves no trace, and waits for another process no
longer than the busy timeout. A write that was begun is finished even when the task that asked for it is cancelled.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import TypeVar

from fluffbuzz.adapters.sqlite.faults import database_error, file_error, require_sqlite, value_error
from fluffbuzz.adapters.sqlite.migrations import SHIPPED, Schema, bring_up_to_date, newer_schema, schema_version
from fluffbuzz.core.errors import StorageError

BUSY_TIMEOUT = 5.0
"""Seconds that an access waits for another process's transaction before it fails."""

FILE_NAME = "fluffbuzz.db"

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class Access(Enum):
    """What a transaction needs; a durable one is on the disk when it returns, so that no power cut undoes it."""

    READ = "read"
    WRITE = "write"
    DURABLE = "durable"


class Database:
    """The open database.

    Attributes:
        state_dir: where the file lies; None while everything is in memory.
        path: the file.
        now: Unix seconds.
        token: that many random bytes.
    """

    def __init__(
        self,
        state_dir: Path | None,
        connection: sqlite3.Connection,
        schema: int,
        *,
        now: Callable[[], float],
        token: Callable[[int], bytes],
        busy_timeout: float,
    ) -> None:
        self.state_dir = state_dir
        self.path = _path(state_dir)
        self.now = now
        self.token = token
        self._connection = connection
        self._schema = schema
        self._busy_timeout = busy_timeout
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="fluffbuzz-db")
        self._is_closed = False

    def perform(self, access: Access, action: str, work: Work[T]) -> T:
        """Run `work` in one transaction, in the calling thread.

        Raises:
            StorageError: it was undone; `action` continues "FluffBuzz could not …".
        """
        with self._lock:
            self._check_open(action)
            try:
                self._begin(access)
                return self._finish(work)
            except sqlite3.Error as error:
                raise database_error(error, self.path, action, self._busy_timeout) from error
            except ValueError as error:
                raise value_error(error, self.path, action) from error

    async def run(self, access: Access, action: str, work: Work[T]) -> T:
        """Run `work` in one transaction, in the database's own thread; see `perform`."""
        return await self.call(action, lambda: self.perform(access, action, work))

    async def call(self, action: str, function: Callable[[], T]) -> T:
        """Run a function that performs several transactions in the database's own thread."""
        self._check_open(action)
        # Shielded: a cancelled task does not take back what it asked to be written.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._worker, function))

    async def aclose(self, before: Callable[[], None]) -> None:
        """Let go of the file, after `before` ran in the database's own thread; a second time does nothing."""
        if not self._is_closed:
            try:
                await self.call("close the conversations", before)
            finally:
                self.close()

    def close(self) -> None:
        """Let go of the file, in the calling thread; a second time does nothing."""
        with self._lock:
            self._is_closed = True
            self._connection.close()
        self._worker.shutdown(wait=False)  # idle by now, or about to find the database closed

    def _check_open(self, action: str) -> None:
        if self._is_closed:
            raise StorageError(f"FluffBuzz could not {action}: {self.path} is closed already.")

    def _begin(self, access: Access) -> None:
        if access is Access.READ:
            self._connection.execute("BEGIN")
            return
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if access is Access.DURABLE else 'NORMAL'}")
        self._connection.execute("BEGIN IMMEDIATE")

    def _finish(self, work: Work[T]) -> T:
        try:
            # A newer program may have changed the schema under us while we ran.
            found = schema_version(self._connection)
            if found != self._schema:
                raise newer_schema(self.path, found, self._schema)
            result = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result


def open_database(
    state_dir: Path | None,
    *,
    now: Callable[[], float],
    token: Callable[[int], bytes],
    busy_timeout: float = BUSY_TIMEOUT,
    schema: Schema = SHIPPED,
) -> Database:
    """Open the database of a state directory; make and migrate it as needed.

    Args:
        state_dir: made with mode 0700 where it is missing; None for a database in memory that leaves no trace.
        now: Unix seconds.
        token: that many random bytes.
        busy_timeout: seconds to wait for another process.
        schema: the version wanted and the steps to it.

    Raises:
        StorageError: it cannot be used; the message says why and what to do.
    """
    require_sqlite(sqlite3.sqlite_version_info)
    path = _path(state_dir)
    try:
        if state_dir:
            _make_private(path)
        connection = _connect(path, busy_timeout, schema)
    except OSError as error:
        raise file_error(error, path, "open") from error
    except sqlite3.Error as error:
        raise database_error(error, path, "open the conversations", busy_timeout) from error
    return Database(state_dir, connection, schema.version, now=now, token=token, busy_timeout=busy_timeout)


def _path(state_dir: Path | None) -> Path:
    return state_dir / FILE_NAME if state_dir else Path(":memory:")


def _make_private(path: Path) -> None:
    """Make directory and file for their owner only; SQLite gives the files beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Only a file that is not there is opened here: to close an existing one would drop SQLite's locks on it.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _connect(path: Path, busy_timeout: float, schema: Schema) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    try:
        bring_up_to_date(connection, path, schema)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what a user deletes is overwritten
        connection.execute("PRAGMA fullfsync = ON")  # on macOS a plain fsync does not reach the disk
    except BaseException:
        connection.close()
        raise
    return connection
