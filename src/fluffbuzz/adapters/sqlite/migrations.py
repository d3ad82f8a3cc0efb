"""The schema's history: numbered steps, each applied whole or not at all.

The version stands in `PRAGMA user_version`. A database that is newer than this program is refused, one that is older
is copied aside before the first step; a step and its version number are committed together, so that two processes
that start at once do no step twice.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fluffbuzz.core.errors import StorageError

_WAL_ATTEMPTS = 50
"""How often the switch to write-ahead logging is tried while other processes set up the same new file."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: the version that it leads to, and its statements."""

    version: int
    sql: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The steps up to `version`; `load` reads them and is called only when some are missing."""

    version: int
    load: Callable[[], Sequence[Migration]]


def _shipped() -> Sequence[Migration]:
    from importlib.resources import files  # slow to import, and needed only when something is to be done

    folder = files("fluffbuzz.adapters.sqlite").joinpath("migrations")
    found = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(int(name.partition("_")[0]), entry.read_text("utf-8")) for name, entry in found]


_STATE = "SELECT user_version, EXISTS (SELECT 1 FROM sqlite_master) FROM pragma_user_version"
"""Both in one statement: between two, another process may make the tables."""

SHIPPED = Schema(1, _shipped)
"""The schema of this program. The number is written here so that opening an up-to-date database reads no file."""


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the schema in a database; 0 where there is none yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """Apply the missing steps, with write-ahead logging on.

    Raises:
        StorageError: the database is newer than this program, or not ours.
        sqlite3.Error: SQLite could not.
    """
    if schema_version(connection) == schema.version:
        return
    version, has_tables = connection.execute(_STATE).fetchone()
    if version > schema.version:
        raise newer_schema(path, version, schema.version)
    if has_tables and not version:
        raise StorageError(
            f"{path} is an SQLite database, but none of FluffBuzz.",
            "Nothing was changed. Move it away, or let FLUFFBUZZ_STATE_DIR name another directory.",
        )
    if not connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone():
        raise StorageError(
            "FluffBuzz needs SQLite with full text search; the one of this Python was built without (FTS5).",
            "Use another Python: those of python.org, uv, Debian, Fedora and Homebrew have it.",
        )
    _log_ahead(connection)
    is_safe = version == 0  # nothing to lose, or copied aside
    for migration in schema.load():
        is_safe = _apply(connection, path, migration, is_safe=is_safe)


def newer_schema(path: Path, found: int, known: int) -> StorageError:
    """The refusal of a database that a later release has written."""
    return StorageError(
        f"{path} was written by a newer FluffBuzz: its schema has version {found}, this program knows {known}.",
        "Update FluffBuzz (and end older copies of it that still run). Nothing was changed.",
    )


def statements(script: str) -> Iterator[str]:
    """The single statements of a script; triggers, which hold semicolons, stay whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait by itself when two try this at once, a transaction does."""
    for attempt in range(1, _WAL_ATTEMPTS + 1):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == _WAL_ATTEMPTS:
                raise
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        else:
            return


def _apply(connection: sqlite3.Connection, path: Path, migration: Migration, *, is_safe: bool) -> bool:
    """Do one step unless it was done meanwhile; returns whether the database as it was before is safe by now."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = schema_version(connection)
        if version < migration.version:
            if not is_safe:
                _copy_aside(path, version)
                is_safe = True
            for statement in statements(migration.sql):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {migration.version:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return is_safe


def _copy_aside(path: Path, version: int) -> None:
    """Copy the database as it is now; a second connection reads, since ours is in a transaction."""
    target = path.with_name(f"{path.name}.v{version}.bak")
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    _sync(target.parent)


def _sync(directory: Path) -> None:
    """See to it that a renaming outlives a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
