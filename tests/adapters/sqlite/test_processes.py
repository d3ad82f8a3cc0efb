"""Several real processes at one database: they write at once, set it up at once, and are killed in the middle."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fluffbuzz.adapters.sqlite import SqliteSessionStore
from fluffbuzz.adapters.sqlite.ownership import Ownership
from fluffbuzz.core.errors import StorageError
from fluffbuzz.core.messages import assistant, user
from fluffbuzz.core.session import CallOutcome, MessageState

SCRIPT = Path(__file__).with_name("process_of_its_own.py")
TIME_LIMIT = 60
TURNS = 15

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts other processes; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start_one(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(SCRIPT), *map(str, arguments)]
        started.append(
            subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 0, errors
    return output


def test_two_processes_write_at_once_and_nothing_is_lost(open_db: Any, run: Any, start: Start, tmp_path: Path) -> None:
    store = SqliteSessionStore(open_db(tmp_path))
    shared = run(store.create()).id
    processes = [start("write", tmp_path, shared, TURNS) for _ in range(2)]
    for process in processes:
        own = finish(process).strip()
        assert [stored.message.text for stored in run(store.branch(own))] == expected_of(process.pid)
    together = run(store.everything(shared))
    for process in processes:
        found = [stored.message.text for stored in together if stored.message.text.endswith(f" {process.pid}")]
        assert found == expected_of(process.pid)
    assert run(store.find(shared)).messages == len(together) == 4 * TURNS
    assert {turn.outcome for turn in run(store.turns())} == {CallOutcome.ANSWERED}
    assert list((tmp_path / "running").iterdir()) == []
    run(store.close())


def expected_of(pid: int) -> list[str]:
    return [f"{word} {number} of {pid}" for number in range(TURNS) for word in ("question", "answer")]


def test_several_processes_may_make_the_database_at_once(open_db: Any, run: Any, start: Start, tmp_path: Path) -> None:
    processes = [start("create", tmp_path / "state") for _ in range(4)]
    made = {finish(process).strip() for process in processes}
    store = SqliteSessionStore(open_db(tmp_path / "state"))
    assert {session.id for session in run(store.sessions(9))} == made
    assert len(made) == 4
    assert store._database._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    run(store.close())


def test_after_kill_9_in_the_middle_of_an_answer_it_is_marked_cut_with_its_last_checkpoint(
    open_db: Any, run: Any, start: Start, tmp_path: Path
) -> None:
    process = start("hang", tmp_path)
    assert process.stdout is not None
    session, answer = process.stdout.readline().split()
    store = SqliteSessionStore(open_db(tmp_path))

    def last() -> tuple[int, str, MessageState]:
        run(store.find(session))
        stored = run(store.branch(session))[-1]
        return stored.id, stored.message.text, stored.state

    assert last() == (int(answer), "half an ans", MessageState.STREAMING), "a living process's turn is left alone"
    process.kill()
    process.wait(TIME_LIMIT)
    assert last() == (int(answer), "half an ans", MessageState.CUT)
    assert [turn.outcome for turn in run(store.turns(session))] == [CallOutcome.CUT]
    assert [hit.message for hit in run(store.search("half", 9))] == [int(answer)]
    assert list((tmp_path / "running").iterdir()) == []
    turn = run(store.begin_turn(session, user("Go on.")))
    assert [stored.message.text for stored in run(store.branch(session))] == ["question", "half an ans", "Go on.", ""]
    run(store.end_turn(turn, assistant("er"), CallOutcome.ANSWERED))
    run(store.close())


@pytest.mark.parametrize("look", [lambda store: store.latest(), lambda store: store.sessions(1)])
def test_listing_marks_the_turns_of_the_dead_and_of_nobody_else(
    open_db: Any, run: Any, tmp_path: Path, look: Any
) -> None:
    stores = {name: SqliteSessionStore(open_db(tmp_path)) for name in ("dead", "living", "own")}
    turns = {name: run(store.begin_turn(run(store.create()).id, user("hi"))) for name, store in stores.items()}
    stores["dead"]._ownership.release()  # as the system does when a process ends
    run(look(stores["own"]))
    outcomes = {turn.id: turn.outcome for turn in run(stores["own"].turns())}
    assert {name: outcomes[turn.id] for name, turn in turns.items()} == {
        "dead": CallOutcome.CUT,
        "living": None,
        "own": None,
    }
    with pytest.raises(StorageError, match="ended or deleted"):
        run(stores["dead"].checkpoint(turns["dead"], assistant("too late")))
    for store in stores.values():
        run(store.close())


def test_a_turn_left_running_when_its_store_was_closed_is_cut(open_db: Any, run: Any, tmp_path: Path) -> None:
    first, second = SqliteSessionStore(open_db(tmp_path)), SqliteSessionStore(open_db(tmp_path))
    session = run(first.create())
    run(first.begin_turn(session.id, user("question")))
    run(first.close())
    run(second.find(session.id))
    assert run(second.branch(session.id))[-1].state is MessageState.CUT
    run(second.close())


def test_a_lock_is_examined_without_hurting_its_living_owner(tmp_path: Path) -> None:
    one, other = Ownership(tmp_path / "running", "one"), Ownership(tmp_path / "running", "other")
    one.claim()
    one.claim()
    with other.examine("one") as is_dead:
        assert not is_dead
    with one.examine("one") as is_dead:
        assert not is_dead
    one.release()
    one.release()
    with other.examine("one") as is_dead:
        assert is_dead
    assert list((tmp_path / "running").iterdir()) == []


def test_locks_that_cannot_be_examined_are_told_and_do_not_keep_a_store_from_closing(
    open_db: Any, run: Any, tmp_path: Path
) -> None:
    first, second = SqliteSessionStore(open_db(tmp_path)), SqliteSessionStore(open_db(tmp_path))
    run(first.begin_turn(run(first.create()).id, user("question")))
    (tmp_path / "running").rename(tmp_path / "elsewhere")
    (tmp_path / "running").write_text("a file where the directory belongs")
    with pytest.raises(StorageError, match="could not list the conversations"):
        run(second.latest())
    for store in (first, second):
        run(store.close())


def test_locks_that_cannot_be_made_are_told(open_db: Any, run: Any, tmp_path: Path) -> None:
    (tmp_path / "running").write_text("a file where the directory belongs")
    store = SqliteSessionStore(open_db(tmp_path))
    session = run(store.create())
    with pytest.raises(StorageError, match="could not store the message"):
        run(store.begin_turn(session.id, user("question")))
    assert run(store.branch(session.id)) == []
    run(store.close())
