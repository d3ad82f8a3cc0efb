"""`fluffbuzz ask` as a process that is interrupted, or whose output nobody reads: what is kept, and how it leaves."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest
from tests.surfaces.answers import Watched
from tests.surfaces.desk import PATIENCE, Desk, command
from tests.surfaces.documented import table

from fluffbuzz.testing import FakeServer, FakeVllm, Pause

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def latest(desk: Desk) -> Any:
    """Everything that is stored of the latest conversation."""
    session = desk.run("sessions", "list", "--json").json[0]["id"]
    return desk.run("sessions", "export", "--format", "json", session).json


def read(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    """Wait for exactly these bytes of standard output."""
    assert process.stdout is not None
    assert process.stdout.read(len(wanted)) == wanted


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_answer_keeps_the_part_and_closes_the_connection(
    desk: Desk, server: FakeServer, model: FakeVllm, number: signal.Signals
) -> None:
    model.answer = ("one ", "two", Pause(), " never")
    server.responder = watched = Watched(model)
    with desk.start("ask", "count", stdin=subprocess.DEVNULL) as process:
        read(process, b"one two")
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.strip()) == (130, b"\n", b"")
    assert watched.left.wait(PATIENCE), "the connection to the server was closed"
    assert model.ended["abort"] == 1

    stored = latest(desk)
    question, answer = stored["messageTree"]
    assert (question["state"], answer["state"]) == ("whole", "cancelled")
    assert answer["parts"] == [{"type": "text", "text": "one two"}]
    [turn] = stored["turns"]
    assert (turn["outcome"], turn["calls"][0]["outcome"]) == ("cancelled", "cancelled")
    usage = turn["calls"][0]["usage"]
    assert (usage["output"], usage["kinds"]["output"]) == (2, "estimated")
    assert usage["output"] <= model.generation_tokens


@pytest.mark.parametrize("number", SIGNALS)
def test_json_still_prints_what_had_arrived(
    desk: Desk, server: FakeServer, model: FakeVllm, number: signal.Signals
) -> None:
    pause = Pause()
    model.answer = ("one ", "two", pause)
    with desk.start("ask", "--json", "count", stdin=subprocess.DEVNULL) as process:
        assert pause.wait_until_reached(PATIENCE)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert (process.returncode, err.strip()) == (130, b"")
    assert list(told) == [key.name for key in table("fluffbuzz ask --json")]
    assert (told["finish"], told["error"]["kind"]) == (None, "cancelled")


def test_before_the_first_token_the_question_is_kept_and_no_answer(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    pause = Pause()
    model.answer = (pause,)
    with desk.start("ask", "count", stdin=subprocess.DEVNULL) as process:
        assert pause.wait_until_reached(PATIENCE)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")
    [turn] = latest(desk)["turns"]
    assert turn["outcome"] == "cancelled"
    assert "count" in desk.run("sessions", "search", "count").out


def test_while_the_server_is_asked_for_its_models_nothing_is_kept(desk: Desk, server: FakeServer) -> None:
    pause = Pause()

    async def never(request: object) -> Any:
        yield pause

    server.responder = never
    with desk.start("ask", "hi", stdin=subprocess.DEVNULL) as process:
        assert pause.wait_until_reached(PATIENCE)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")
    assert desk.run("sessions", "list").out == "No conversations yet.\n"


def test_a_reader_that_leaves_ends_the_answer_without_noise(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = ("a line\n", *("more\n" * 50 for _ in range(200)), Pause())
    server.responder = watched = Watched(model)
    with desk.start("ask", "talk", stdin=subprocess.DEVNULL) as process:
        read(process, b"a line\n")
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 1
    assert watched.left.wait(PATIENCE)
    answer = latest(desk)["messageTree"][-1]
    assert answer["state"] == "cancelled"
    assert answer["parts"][0]["text"].startswith("a line\n")


@pytest.mark.parametrize("arguments", [["sessions", "list", "--all"], ["--help"], ["status"]])
def test_other_output_that_nobody_reads_makes_no_noise_either(
    desk: Desk, server: FakeServer, arguments: list[str]
) -> None:
    with desk.start(*arguments, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) in (0, 1)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(desk: Desk, server: FakeServer, closed: str) -> None:
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", *command("ask", "hi")]
    with subprocess.Popen(words, env=desk.env, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")
    assert latest(desk)["messageTree"][-1]["state"] == "whole"
