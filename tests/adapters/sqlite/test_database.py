"""The database as a file: private, fast to open, refused when it cannot be trusted, whole after every trouble."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fluffbuzz.adapters.sqlite import Database, SqliteCatalogStore, SqliteSessionStore
from fluffbuzz.adapters.sqlite.database import Access
from fluffbuzz.adapters.sqlite.faults import require_sqlite
from fluffbuzz.adapters.sqlite.migrations import SHIPPED, Schema
from fluffbuzz.core.errors import StorageError
from fluffbuzz.core.messages import assistant, user
from fluffbuzz.core.session import Call, CallKind, CallOutcome, Timings
from fluffbuzz.core.usage import ZERO

BIG = "x" * 200_000
CALL = Call(CallKind.ANSWER, "vllm/m", "http://x/v1", "none", 1.0, ZERO, Timings(None, 0.5), CallOutcome.ANSWERED)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_directory_and_files_are_for_their_owner_only(database: Database, store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    run(store.begin_turn(session.id, user("hi")))
    assert database.state_dir is not None
    assert mode(database.state_dir) == 0o700
    found = {path.name: mode(path) for path in database.state_dir.rglob("*")}
    assert {name: each for name, each in found.items() if name != "running"} == dict.fromkeys(
        set(found) - {"running"}, 0o600
    )
    assert found["running"] == 0o700
    assert {"fluffbuzz.db", "fluffbuzz.db-wal", "running"} < set(found)


def test_a_file_that_others_could_read_is_made_private_when_it_is_opened(open_db: Any, tmp_path: Path) -> None:
    open_db(tmp_path).close()
    (tmp_path / "fluffbuzz.db").chmod(0o644)
    open_db(tmp_path)
    assert mode(tmp_path / "fluffbuzz.db") == 0o600


def test_it_is_logged_ahead_so_that_readers_do_not_wait(database: Database) -> None:
    with closing(sqlite3.connect(database.path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_opening_an_up_to_date_database_reads_no_migration(open_db: Any, tmp_path: Path) -> None:
    open_db(tmp_path).close()

    def load() -> NoReturn:
        raise AssertionError("read a migration")

    open_db(tmp_path, schema=Schema(SHIPPED.version, load))


def test_in_memory_it_leaves_no_trace(open_db: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteSessionStore(open_db(None))
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("hi")))
    run(store.end_turn(turn, assistant("hello"), CallOutcome.ANSWERED))
    assert [stored.message for stored in run(store.branch(session.id))] == [user("hi"), assistant("hello")]
    run(store.close())
    assert list(tmp_path.iterdir()) == []


def statements_of(database: Database) -> list[str]:
    seen: list[str] = []
    database._connection.set_trace_callback(seen.append)
    return seen


def test_what_was_promised_is_synced_before_it_returns(database: Database, store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    seen = statements_of(database)

    def levels() -> list[str]:
        """The sync level at each commit since the last call."""
        found, level = [], ""
        for statement in seen:
            if statement.startswith("PRAGMA synchronous"):
                level = statement.rpartition(" ")[2]
            if statement == "COMMIT":
                found.append(level)
        seen.clear()
        return found

    turn = run(store.begin_turn(session.id, user("question")))
    assert levels() == ["FULL"]
    run(store.checkpoint(turn, assistant("an")))
    assert levels() == ["NORMAL"]
    run(store.end_turn(turn, assistant("answer"), CallOutcome.ANSWERED))
    assert levels() == ["FULL"]
    run(store.append(session.id, user("more")))
    assert levels() == ["FULL"]


def fill_the_disk(database: Database) -> None:
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0]
    database._connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_is_told_and_leaves_all_as_it_was(database: Database, store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    run(store.append(session.id, user("before")))
    before = run(store.find(session.id))
    fill_the_disk(database)
    with pytest.raises(StorageError) as caught:
        run(store.begin_turn(session.id, user(BIG)))
    assert "could not store the message" in caught.value.message
    assert "the disk is full" in caught.value.message
    assert str(database.path) in caught.value.message
    assert "Free some space" in caught.value.next_step
    assert "SQLITE_FULL" in caught.value.detail
    assert run(store.find(session.id)) == before
    database._connection.execute("PRAGMA max_page_count = 1000000")
    run(store.begin_turn(session.id, user(BIG)))
    assert [stored.message.text for stored in run(store.branch(session.id))] == ["before", BIG, ""]


def test_a_full_disk_while_an_answer_grows_keeps_what_was_stored_of_it(
    database: Database, store: SqliteSessionStore, run: Any
) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    run(store.checkpoint(turn, assistant("begun")))
    fill_the_disk(database)
    with pytest.raises(StorageError, match="could not store the answer"):
        run(store.end_turn(turn, assistant(BIG), CallOutcome.ANSWERED, [CALL]))
    assert run(store.branch(session.id))[-1].message == assistant("begun")
    (summary,) = run(store.turns())
    assert (summary.calls, summary.outcome) == ((), None), "an answer and its usage are stored both or neither"


def test_a_database_that_may_not_be_written_is_told(database: Database, store: SqliteSessionStore, run: Any) -> None:
    database._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageError, match="writing there is not allowed") as caught:
        run(store.create())
    assert "FLUFFBUZZ_STATE_DIR" in caught.value.next_step


@pytest.mark.parametrize(
    ("place", "says"),
    [("/sys/fluffbuzz", "not allowed"), ("/proc/fluffbuzz", ""), ("{tmp}/a file/state", "Not a directory")],
)
def test_a_state_directory_that_cannot_be_made_is_told(open_db: Any, tmp_path: Path, place: str, says: str) -> None:
    (tmp_path / "a file").touch()
    path = place.replace("{tmp}", str(tmp_path))
    with pytest.raises(StorageError) as caught:
        open_db(Path(path))
    assert says in caught.value.message
    assert path in caught.value.message
    assert caught.value.next_step


def test_a_database_locked_too_long_is_told_with_the_time_waited(open_db: Any, run: Any, tmp_path: Path) -> None:
    database = open_db(tmp_path, busy_timeout=0.01)
    store = SqliteSessionStore(database)
    session = run(store.create())
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match=r"another program kept it locked for more than 0\.01 s") as caught:
            run(store.begin_turn(session.id, user("hi")))
        assert "Try again" in caught.value.next_step
        assert run(store.branch(session.id)) == []  # reading goes on
        other.execute("ROLLBACK")
    run(store.begin_turn(session.id, user("hi")))


@pytest.mark.parametrize("content", [b"This is a text file, long enough to be no database. " * 40, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(open_db: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fluffbuzz.db"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        open_db(tmp_path)
    assert f"{path}: the file is damaged or is no SQLite database" in caught.value.message
    assert "Move the file" in caught.value.next_step
    assert path.read_bytes() == content


def test_damage_found_later_is_told_too(open_db: Any, run: Any, tmp_path: Path) -> None:
    database = open_db(tmp_path)
    store = SqliteSessionStore(database)
    session = run(store.create())
    run(store.append(session.id, user("y" * 40_000)))
    database.close()
    path = tmp_path / "fluffbuzz.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StorageError, match="damaged"):
        run(SqliteSessionStore(open_db(tmp_path)).latest())


def test_another_programs_database_is_refused_and_left_alone(open_db: Any, tmp_path: Path) -> None:
    path = tmp_path / "fluffbuzz.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE cats (name)")
    before = path.read_bytes()
    with pytest.raises(StorageError, match="but none of FluffBuzz"):
        open_db(tmp_path)
    assert path.read_bytes() == before


def test_a_stored_value_that_makes_no_sense_is_told_without_traceback(
    database: Database, store: SqliteSessionStore, run: Any
) -> None:
    session = run(store.create())
    run(store.append(session.id, user("hi")))
    database._connection.execute("DROP TRIGGER messages_are_kept")
    database._connection.execute("UPDATE messages SET parts = '[{}]'")
    with pytest.raises(StorageError, match="could not read the conversation"):
        run(store.branch(session.id))


@pytest.mark.parametrize("version", [(3, 31, 1), (3, 33, 0)])
def test_an_old_sqlite_is_refused_with_both_versions(version: tuple[int, ...]) -> None:
    with pytest.raises(StorageError, match=rf"needs SQLite 3\.34\.0 or newer.* {'.'.join(map(str, version))}"):
        require_sqlite(version)
    require_sqlite((3, 34, 0))


def test_after_closing_every_use_is_a_clear_error(open_db: Any, run: Any, tmp_path: Path) -> None:
    database = open_db(tmp_path)
    store = SqliteSessionStore(database)
    run(store.close())
    run(store.close())
    with pytest.raises(StorageError, match="closed already"):
        run(store.latest())
    with pytest.raises(StorageError, match="closed already"):
        SqliteCatalogStore(database).learned_options("http://x/v1", "m")


def test_a_write_is_finished_although_its_asker_is_cancelled(database: Database, store: SqliteSessionStore) -> None:
    async def story() -> int:
        session = await store.create()
        writes = [asyncio.create_task(store.append(session.id, user(str(number)))) for number in range(5)]
        await asyncio.sleep(0)  # each has begun: handed to the database's thread, most still in the queue
        for write in writes:
            write.cancel()
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
        return len(await store.branch(session.id))

    assert asyncio.run(story()) == 5


def test_an_exception_inside_a_transaction_undoes_it(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> NoReturn:
        connection.execute("INSERT INTO learned_options VALUES ('u', 'm', 'o', 1)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.perform(Access.WRITE, "try", work)
    assert not SqliteCatalogStore(database).learned_options("u", "m")
