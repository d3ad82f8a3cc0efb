"""The first lines of the program: as little as possible is loaded for what the user asked."""

from __future__ import annotations

import gc
import json
import tomllib
from pathlib import Path

import pytest
from tests.surfaces.desk import Desk

from fluffbuzz import __version__
from fluffbuzz.testing import FakeServer

RUN = """
import json, sys
sys.argv = ["fluffbuzz", *sys.argv[1:]]
from fluffbuzz.entry import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
SLOW = {"rich", "prompt_toolkit", "markdown_it", "pygments", "json5", "xllamacpp", "huggingface_hub", "pip", "filelock"}


def loaded(desk: Desk, *arguments: str) -> set[str]:
    """The modules that a command has loaded by its end."""
    told = desk.python(RUN, *arguments)
    assert told.code == 0, told.err
    return set(json.loads(told.err.splitlines()[-1]))


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told_before_anything_of_fluffbuzz_is_loaded(desk: Desk, option: str) -> None:
    modules = loaded(desk, option)
    assert {name for name in modules if name.partition(".")[0] == "fluffbuzz"} == {"fluffbuzz", "fluffbuzz.entry"}
    assert not modules & {"click", "asyncio", "sqlite3", "httpcore2", "orjson", "argparse", "importlib.metadata"}


def test_the_version_is_the_same_whichever_way_it_is_asked(desk: Desk) -> None:
    lines = {desk.process(*words).out for words in (["--version"], ["-V"], ["--debug", "--version"])}
    assert lines == {f"fluffbuzz {__version__}\n"}


def test_the_command_and_the_module_are_the_same_program() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"fluffbuzz": "fluffbuzz.entry:main"}


def test_a_question_in_a_pipe_loads_nothing_that_draws_or_is_slow(desk: Desk, server: FakeServer) -> None:
    modules = loaded(desk, "ask", "--no-save", "hi")
    assert not SLOW & {name.partition(".")[0] for name in modules}
    assert "fluffbuzz.surfaces.tui.chat" not in modules


@pytest.mark.parametrize("arguments", [["sessions", "list"], ["models", "list"], ["status"], ["--help"]])
def test_no_other_plain_command_does_either(desk: Desk, server: FakeServer, arguments: list[str]) -> None:
    assert not SLOW & {name.partition(".")[0] for name in loaded(desk, *arguments)}


def test_while_a_command_runs_garbage_is_collected(desk: Desk) -> None:
    gc.disable()
    try:
        assert desk.run("sessions", "list").code == 0
        assert gc.isenabled()
    finally:
        gc.enable()
