"""Help, completion and the first lines of the program: what a newcomer sees before anything is asked of a model."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.surfaces.desk import PATIENCE, Desk

from fluffbuzz.surfaces.cli.program import program
from fluffbuzz.testing import FakeServer, FakeVllm


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


COMMANDS = dict(commands(program))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_says_what_the_command_is_for_and_what_each_option_does(desk: Desk, path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    told = desk.run(*path, "--help")
    assert (told.code, told.err) == (0, "")
    flat = " ".join(told.out.split())
    assert f"Usage: {' '.join(('fluffbuzz', *path))}" in flat
    purpose = command.help.splitlines()[0]
    assert " ".join(purpose.split()) in flat
    assert purpose[0].isupper()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.opts[0] in told.out
    assert not desk.state.exists(), "help touches nothing"


def test_the_first_help_lists_every_command_with_its_purpose(desk: Desk) -> None:
    told = desk.run("-h")
    assert told.out == desk.run("--help").out
    for name in ("ask", "chat", "completion", "config", "embedded", "models", "sessions", "status"):
        [line] = [line for line in told.out.splitlines() if line.startswith(f"  {name} ")]
        assert len(line.split(maxsplit=1)[1]) > 20
    assert "export VLLM_API_KEY=anything" in told.out


def test_a_mistyped_command_or_option_gets_the_nearest(desk: Desk) -> None:
    assert "--continue" in desk.run("ask", "--continu", "hi").err


def test_exit_codes_are_told_where_scripts_need_them(desk: Desk) -> None:
    assert "0 answered, 1 failed, 2 used wrongly, 130 cancelled" in desk.run("ask", "--help").out
    for path in (["models", "list"], ["status"], ["sessions", "search"], ["embedded", "status"]):
        assert "Exit codes: 0 " in desk.run(*path, "--help").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_one_of_that_shell(desk: Desk, shell: str, tmp_path: Path) -> None:
    told = desk.run("completion", shell)
    assert (told.code, told.err) == (0, "")
    assert f"_FLUFFBUZZ_COMPLETE={shell}_complete" in told.out
    checker = shutil.which(shell)
    if checker is not None:
        script = tmp_path / "script"
        script.write_text(told.out)
        subprocess.run([checker, "-n", str(script)], check=True, timeout=PATIENCE)


def test_bash_is_there_to_check_its_script() -> None:
    assert shutil.which("bash")


def test_there_is_no_completion_for_another_shell(desk: Desk) -> None:
    told = desk.run("completion", "tcsh")
    assert (told.code, told.out) == (2, "")
    assert "bash" in told.err


def complete(desk: Desk, words: str) -> list[str]:
    """What the shell is offered at the end of these words."""
    asked = {"_FLUFFBUZZ_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    desk.env |= asked
    script = "import sys; sys.argv[0] = 'fluffbuzz'; from fluffbuzz.entry import main; main()"
    told = desk.python(script)
    assert told.err == ""
    return [line.partition(",")[2] for line in told.out.split()]


def test_commands_and_options_are_completed(desk: Desk) -> None:
    assert complete(desk, "fluffbuzz s") == ["sessions", "status"]
    assert "--temperature" in complete(desk, "fluffbuzz ask --te")
    assert "models.mode" in complete(desk, "fluffbuzz config get models.m")


def test_references_are_completed_from_what_is_known_without_asking(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.models = ("org/small", "org/large", "other/one")
    desk.run("models", "list")
    asked = len(server.requests)
    assert complete(desk, "fluffbuzz ask --model vllm/org/") == ["vllm/org/small", "vllm/org/large"]
    assert complete(desk, "fluffbuzz chat -m vllm/other") == ["vllm/other/one"]
    assert len(server.requests) == asked


@pytest.mark.parametrize("spoil", ["{ nonsense", None])
def test_completion_is_silent_where_anything_is_amiss(desk: Desk, spoil: str | None) -> None:
    if spoil:
        desk.configure(spoil)
    assert complete(desk, "fluffbuzz ask --model v") == []


@pytest.mark.parametrize("storage", [{}, {"storage": {"save": False}}])
def test_completion_makes_no_file(desk: Desk, storage: dict[str, object]) -> None:
    assert complete(desk, "fluffbuzz ask --model v") == []
    assert not list(desk.home.iterdir())
    row = {"baseUrl": "http://127.0.0.1:9/v1", "models": [{"id": "org/mine"}]}
    desk.configure({"models": {"providers": {"vllm": row}}, **storage})
    assert complete(desk, "fluffbuzz ask --model v") == ["vllm/org/mine"]
    assert [path.name for path in desk.state.iterdir()] == ["fluffbuzz.json"]
