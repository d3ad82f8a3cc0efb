"""Failures at home: the disk, the database, the configuration, and FluffBuzz's own faults."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.surfaces.desk import PATIENCE, Desk, chats
from tests.surfaces.test_errors import check_told

from fluffbuzz.adapters.sqlite import Database, open_database
from fluffbuzz.testing import EngineDeath, FakeServer, FakeVllm

ANSWER = "The capital of France is Paris.\n"


def opening(**options: Any) -> Any:
    """Open databases otherwise than usual."""
    return mock.patch("fluffbuzz.adapters.sqlite.open_database", partial(open_database, **options))


def open_full(*arguments: Any, pages: int, **options: Any) -> Database:
    """A database on a disk with room for a few more pages only."""
    database = open_database(*arguments, **options)
    connection = database._connection
    [(used,)] = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {used + pages}")
    return database


def full_disk(pages: int) -> Any:
    return mock.patch("fluffbuzz.adapters.sqlite.open_database", partial(open_full, pages=pages))


def test_a_full_disk_is_told_before_anything_is_sent(desk: Desk, server: FakeServer) -> None:
    desk.ask("something that is there already")
    with full_disk(0):
        told = desk.ask("a question of some length " * 1000)
    check_told(told, f"in {desk.database}: the disk is full.", "Free some space there")
    assert len(chats(server)) == 1
    assert desk.run("sessions", "search", "there already").code == 0


def test_a_disk_that_gets_full_does_not_stop_the_answer(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    desk.ask("something that is there already")
    model.answer = ("word " * 2000,) * 20
    with full_disk(8):
        told = desk.ask("talk")
    check_told(told, "could not store the answer", "the disk is full.", out="word " * 40000 + "\n")


def test_a_database_that_another_program_keeps_locked(desk: Desk, server: FakeServer) -> None:
    desk.ask("hi")
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as other, opening(busy_timeout=0.01):
        other.execute("BEGIN IMMEDIATE")
        told = desk.ask("hi")
    check_told(told, f"in {desk.database}: another program kept it locked", "Try again")
    assert len(chats(server)) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [["ask", "hi"], ["ask", "--json", "hi"], ["models", "list"]])
def test_output_to_a_full_disk(desk: Desk, server: FakeServer, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full, desk.start(*arguments, stdin=subprocess.DEVNULL, stdout=full) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err.decode() == (
        "error: The output cannot be written: No space left on device.\nFree some space there, or send it elsewhere.\n"
    )


def is_a_directory(desk: Desk) -> None:
    desk.database.mkdir(parents=True)


def is_garbage(desk: Desk) -> None:
    desk.database.write_bytes(b"this is no database, " * 100)


@pytest.mark.parametrize("spoil", [is_a_directory, is_garbage])
@pytest.mark.parametrize("arguments", [["ask", "hi"], ["sessions", "list"], ["status"], ["models", "list"]])
def test_a_database_that_cannot_be_used(
    desk: Desk, server: FakeServer, spoil: Callable[[Desk], None], arguments: list[str]
) -> None:
    spoil(desk)
    check_told(desk.run(*arguments), str(desk.database))
    assert not chats(server)


def test_a_state_directory_that_is_a_file(desk: Desk) -> None:
    desk.env["FLUFFBUZZ_STATE_DIR"] = str(desk.home / "file")
    (desk.home / "file").write_text("I was here first")
    check_told(desk.run("sessions", "list"), str(desk.home / "file"))


@pytest.mark.parametrize("arguments", [["ask", "hi"], ["chat"], ["status"], ["models", "list"]])
def test_several_mistakes_in_the_configuration_are_all_told_with_their_places(desk: Desk, arguments: list[str]) -> None:
    desk.configure('{\n  models: { providers: { vllm: { baseUrl: "localhost" } } },\n  chatt: {},\n}')
    told = desk.run(*arguments)
    assert (told.code, told.out) == (1, "")
    head, first, second, step = told.err.splitlines()
    assert head == "error: The configuration has 2 mistakes:"
    assert first.startswith(f"  {desk.config}:2:43: models.providers.vllm.baseUrl: ")
    assert second.startswith(f"  {desk.config}:3:3: chatt: ")
    assert second.endswith("Did you mean chat?")
    assert step == "Mend the file, then check it with: fluffbuzz config validate"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{ models: ", ":1:1: this { is never closed"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"[]", "a configuration is an object"),
    ],
)
def test_a_configuration_that_cannot_be_read(desk: Desk, content: bytes, words: str) -> None:
    desk.state.mkdir()
    desk.config.write_bytes(content)
    told = desk.ask("hi")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("error: The configuration has a mistake:")
    assert str(desk.config) in told.err
    assert words in told.err


def test_a_configuration_that_is_a_directory(desk: Desk) -> None:
    desk.config.mkdir(parents=True)
    told = desk.ask("hi")
    assert told.code == 1
    assert f"{desk.config}: this file cannot be read: it is a directory" in told.err
    assert "Traceback" not in told.err


def broken() -> Any:
    return mock.patch("fluffbuzz.app.read_config", side_effect=ZeroDivisionError("of all things"))


def test_a_fault_of_our_own_is_told_without_a_traceback(desk: Desk) -> None:
    with broken():
        told = desk.ask("hi")
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        "error: FluffBuzz has a fault here (ZeroDivisionError: of all things).\n"
        "Please report it with what this adds: fluffbuzz --debug …\n"
    )


def test_under_debug_a_fault_of_our_own_has_its_traceback(desk: Desk) -> None:
    with broken():
        told = desk.run("--debug", "ask", "hi")
    assert told.code == 1
    assert told.err.startswith("error: FluffBuzz has a fault here (ZeroDivisionError: of all things).\nTraceback")
    assert told.err.rstrip().endswith("ZeroDivisionError: of all things")


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["ask", "--nosuch", "hi"], ["sessions"], ["sessions", "show"], ["models", "lst"], []]
)
def test_what_the_command_line_cannot_mean_is_a_usage_error(desk: Desk, arguments: list[str]) -> None:
    told = desk.run(*arguments)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("Usage: fluffbuzz")
    assert not desk.state.exists()


def test_that_an_answer_was_not_stored_is_told_beside_its_failure(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    desk.ask("something that is there already")
    model.answer = (*("word " * 2000,) * 20, EngineDeath())
    with full_disk(8):
        told = desk.ask("talk")
    assert told.code == 1
    first, second = told.err.split("error: ")[1:]
    assert "EngineCore encountered an issue" in first
    assert "kept" not in first
    assert "could not store the answer" in second
    assert "the disk is full." in second
