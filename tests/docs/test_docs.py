"""The documentation says what is so: its commands exist, its configurations load, its tables are the program's own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from fluffbuzz.config.loading import load
from fluffbuzz.config.reference import render_reference
from fluffbuzz.providers import bundled_ids, find
from fluffbuzz.surfaces.cli.program import program
from fluffbuzz.surfaces.tui.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDE = (ROOT / "docs" / "guide.md").read_text("utf-8")

REFERENCE_HEAD = """# Configuration

`~/.fluffbuzz/fluffbuzz.json`, in JSON5. Unknown keys, wrong types and bad URLs are errors that name file, line and
column; `fluffbuzz config validate` lists all of them, `fluffbuzz config schema` prints the JSON Schema for an editor.
This page is made from the same table that the program checks against.

"""


def commands(page: Path) -> list[list[str]]:
    """The arguments of every `fluffbuzz …` line of a page's command blocks and inline commands."""
    text = page.read_text("utf-8")
    lines = re.findall(r"^ {4}(.*)$", text, re.MULTILINE) + re.findall(r"`(fluffbuzz [^`…]+)`", text)
    found = []
    for line in lines:
        for match in re.finditer(r"(?:^|\| )(fluffbuzz .*)$", line):
            words = shlex.split(match[1], comments=True)
            found.append(words[1 : words.index(">")] if ">" in words else words[1:])
    return found


EVERY_COMMAND = [pytest.param(each, id=f"{page.name}: {' '.join(each)}") for page in PAGES for each in commands(page)]


@pytest.mark.parametrize("arguments", EVERY_COMMAND)
def test_every_command_in_the_documentation_exists_with_its_options(arguments: list[str]) -> None:
    command: click.Command = program
    context = click.Context(program, info_name="fluffbuzz")
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        found = command.get_command(context, arguments[0])
        assert found is not None, f"there is no command {arguments[0]}"
        command, arguments = found, arguments[1:]
    if not isinstance(command, click.Group):
        command.make_context(command.name, list(arguments), parent=context)


def test_the_documentation_has_commands() -> None:
    assert len(EVERY_COMMAND) > 30


EXAMPLES = re.findall(r"```json5\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_configuration_in_the_guide_loads_without_a_warning(example: str, tmp_path: Path) -> None:
    path = tmp_path / "fluffbuzz.json"
    path.write_text(example, "utf-8")
    config = load(path, {"GPU_BOX_KEY": "k"}, bundled_ids())
    assert config.providers
    assert not config.warnings


def test_the_guide_has_configurations() -> None:
    assert len(EXAMPLES) >= 3


def test_the_guides_table_of_providers_is_the_programs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(http\S+)` \|$", GUIDE, re.MULTILINE)
    served = [provider for provider in map(find, bundled_ids()) if provider.base_url]
    assert sorted(rows) == sorted((each.id, each.env_vars[0], each.base_url) for each in served)


def test_the_guides_table_of_chat_commands_is_the_programs() -> None:
    rows = re.findall(r"^\| `(/[^`]+)` \|", GUIDE, re.MULTILINE)
    assert [row.replace("\\|", "|") for row in rows] == [command.usage for command in COMMANDS.values()]


def test_the_configuration_page_is_made_from_the_programs_table() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert page == REFERENCE_HEAD + render_reference(), "make it anew: python -m tests.docs.test_docs"


def test_every_relative_link_leads_to_a_file() -> None:
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


if __name__ == "__main__":
    (ROOT / "docs" / "configuration.md").write_text(REFERENCE_HEAD + render_reference(), "utf-8")
