"""The schema's history: every step whole or not at all, an older database copied aside first, a newer one refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluffbuzz.adapters.sqlite import Database, SqliteSessionStore
from fluffbuzz.adapters.sqlite.migrations import SHIPPED, Migration, Schema, bring_up_to_date, statements
from fluffbuzz.core.errors import StorageError

FIRST = Migration(1, "CREATE TABLE cats (name TEXT);\nINSERT INTO cats VALUES ('Fluff');\n")
SECOND = Migration(2, "ALTER TABLE cats ADD COLUMN age INTEGER;\nUPDATE cats SET age = 3;\n")
THIRD = Migration(3, "CREATE TABLE dogs (name TEXT);\n")
BROKEN = Migration(2, "CREATE TABLE dogs (name TEXT);\nINSERT INTO nowhere VALUES (1);\n")


def schema(*steps: Migration) -> Schema:
    def load() -> Sequence[Migration]:
        return steps

    return Schema(steps[-1].version, load)


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_shipped_steps_are_numbered_without_a_gap_up_to_the_version_named() -> None:
    assert [step.version for step in SHIPPED.load()] == list(range(1, SHIPPED.version + 1))


def test_the_shipped_schema_is_sound(open_db: Any, tmp_path: Path) -> None:
    path = open_db(tmp_path).path
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA user_version") == [(SHIPPED.version,)]


def test_a_new_database_needs_no_copy(open_db: Any, tmp_path: Path) -> None:
    open_db(tmp_path, schema=schema(FIRST, SECOND))
    assert list(tmp_path.glob("*.bak*")) == []


def test_an_older_database_is_copied_aside_and_brought_up_to_date(open_db: Any, tmp_path: Path) -> None:
    open_db(tmp_path, schema=schema(FIRST)).close()
    path = open_db(tmp_path, schema=schema(FIRST, SECOND, THIRD)).path
    assert query(path, "SELECT name, age FROM cats") == [("Fluff", 3)]
    assert query(path, "PRAGMA user_version") == [(3,)]
    copy = tmp_path / "fluffbuzz.db.v1.bak"
    assert [found.name for found in tmp_path.glob("*.bak*")] == [copy.name]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert query(copy, "SELECT * FROM cats") == [("Fluff",)]
    assert query(copy, "PRAGMA user_version") == [(1,)]


def test_the_copy_holds_what_was_only_in_the_log_yet(open_db: Any, tmp_path: Path) -> None:
    older = open_db(tmp_path, schema=schema(FIRST))
    older._connection.execute("INSERT INTO cats VALUES ('Buzz')")
    open_db(tmp_path, schema=schema(FIRST, SECOND))
    assert query(tmp_path / "fluffbuzz.db.v1.bak", "SELECT name FROM cats") == [("Fluff",), ("Buzz",)]


def test_a_step_that_fails_is_undone_whole(open_db: Any, tmp_path: Path) -> None:
    open_db(tmp_path, schema=schema(FIRST)).close()
    with pytest.raises(StorageError, match="could not open the conversations"):
        open_db(tmp_path, schema=schema(FIRST, BROKEN))
    assert query(tmp_path / "fluffbuzz.db", "SELECT name FROM sqlite_master") == [("cats",)]
    assert query(tmp_path / "fluffbuzz.db", "PRAGMA user_version") == [(1,)]
    open_db(tmp_path, schema=schema(FIRST, SECOND))


def test_a_newer_database_is_refused_with_both_versions(open_db: Any, tmp_path: Path) -> None:
    open_db(tmp_path, schema=schema(FIRST, SECOND, THIRD)).close()
    before = (tmp_path / "fluffbuzz.db").read_bytes()
    with pytest.raises(StorageError, match="its schema has version 3, this program knows 1") as caught:
        open_db(tmp_path, schema=schema(FIRST))
    assert "Update FluffBuzz" in caught.value.next_step
    assert (tmp_path / "fluffbuzz.db").read_bytes() == before


def test_an_older_program_that_still_runs_writes_no_more_once_a_newer_one_migrated(
    open_db: Any, run: Any, tmp_path: Path
) -> None:
    older = SqliteSessionStore(open_db(tmp_path))
    run(older.create())
    newer = Migration(SHIPPED.version + 1, "CREATE TABLE dogs (name TEXT);\n")
    path = open_db(tmp_path, schema=schema(*SHIPPED.load(), newer)).path
    with pytest.raises(StorageError, match="was written by a newer FluffBuzz"):
        run(older.create())
    assert query(path, "SELECT count(*) FROM sessions") == [(1,)]
    run(older.close())


def test_a_new_database_that_another_program_reads_is_waited_for(open_db: Any, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "fluffbuzz.db", isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM sqlite_master").fetchall()
        with pytest.raises(StorageError, match=r"locked for more than 0\.01 s"):
            open_db(tmp_path, busy_timeout=0.01)
        other.execute("COMMIT")
    open_db(tmp_path, busy_timeout=0.01)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT user_version",
        "SELECT 1 FROM pragma_module_list",
        "PRAGMA journal_mode = WAL",
        "BEGIN IMMEDIATE",
        "PRAGMA user_version",
    ],
)
def test_another_process_may_finish_making_the_database_before_any_of_our_statements(
    open_db: Any, tmp_path: Path, statement: str
) -> None:
    others: list[Database] = []

    def meanwhile(sql: str) -> None:
        if sql.startswith(statement) and not others:
            others.append(open_db(tmp_path))

    path = tmp_path / "fluffbuzz.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.set_trace_callback(meanwhile)
        bring_up_to_date(connection, path, SHIPPED)
        connection.set_trace_callback(None)
    assert len(others) == 1
    assert query(path, "PRAGMA user_version") == [(SHIPPED.version,)]
    assert query(path, "SELECT count(*) FROM sessions") == [(0,)]


def test_an_sqlite_without_full_text_search_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "fluffbuzz.db")) as connection:
        connection.set_authorizer(
            lambda _, table, *__: sqlite3.SQLITE_IGNORE if table == "pragma_module_list" else sqlite3.SQLITE_OK
        )
        with pytest.raises(StorageError, match="full text search"):
            bring_up_to_date(connection, tmp_path / "fluffbuzz.db", SHIPPED)


def test_a_script_is_split_into_statements_and_triggers_stay_whole() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;\n"
    script = f"-- begins; here\nCREATE TABLE a (x);\n{trigger}INSERT INTO a VALUES (';')"
    assert [statement.strip().splitlines()[-1] for statement in statements(script)] == [
        "CREATE TABLE a (x);",
        "END;",
        "INSERT INTO a VALUES (';')",
    ]
