"""A configuration directory of its own for every test, and the ways to fill and read it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from fluffbuzz.config.editing import Editor
from fluffbuzz.config.files import Disk
from fluffbuzz.config.loading import load
from fluffbuzz.config.problems import InvalidConfig, Problem
from fluffbuzz.config.values import Config

BUNDLED = ("here", "there")
"""Stand-ins for the provider ids that FluffBuzz knows by itself."""

HERE = "»"
"""Marks in a test's text the character at which a problem is expected; taken out before the text is used."""


@dataclass(frozen=True)
class Folder:
    """One configuration directory."""

    path: Path

    @property
    def file(self) -> Path:
        return self.path / "fluffbuzz.json"

    def write(self, text: str | bytes, name: str = "fluffbuzz.json") -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(self, text: str, env: Mapping[str, str] | None = None, bundled: Collection[str] = BUNDLED) -> Config:
        self.write(text)
        return load(self.file, env or {}, bundled)

    def errors(self, text: str, env: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        """The mistakes of a text that has some."""
        with pytest.raises(InvalidConfig) as caught:
            self.load(text, env)
        return caught.value.errors

    def editor(self, env: Mapping[str, str] | None = None, disk: Disk | None = None) -> Editor:
        return Editor(self.file, env or {}, BUNDLED, disk or Disk())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "state"
    path.mkdir()
    return Folder(path)


@pytest.fixture
def marked() -> Callable[[str], tuple[str, int, int]]:
    """Split a text with a mark into the text, and line and column of the mark."""

    def split(text: str) -> tuple[str, int, int]:
        before, mark, after = text.partition(HERE)
        assert mark, "the test marks no place"
        return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")

    return split
