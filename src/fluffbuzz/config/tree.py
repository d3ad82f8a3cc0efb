"""A configuration file as a tree of values that remember where they stand.

Every node knows its file and its span in that file's text, so a mistake found at any later stage (types, variables,
rules between keys) can name line and column, even after files were merged into one tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from fluffbuzz.config.problems import Problem, Severity


@dataclass(frozen=True, slots=True)
class Source:
    """One file and its text."""

    path: Path
    text: str

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both counted from 1."""
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, number, boolean or null; `missing` names the variables that its text could not be given."""

    source: Source
    start: int
    end: int
    value: str | float | bool | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Array:
    """A list."""

    source: Source
    start: int
    end: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A key and its value; the span is the key's."""

    source: Source
    start: int
    end: int
    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class Object:
    """Keys and values in the order of the file."""

    source: Source
    start: int
    end: int
    members: tuple[Member, ...]

    def member(self, name: str) -> Member | None:
        """The member of that name."""
        return next((member for member in self.members if member.name == name), None)

    def get(self, name: str) -> Node | None:
        """The value of that name."""
        member = self.member(name)
        return member.value if member else None


Node = Scalar | Array | Object
KeyPath = tuple[str | int, ...]


def at(node: Node | None, path: KeyPath) -> Node | None:
    """The node at the end of a path of keys and list positions, if there is one."""
    for step in path:
        match node:
            case Object() if isinstance(step, str):
                node = node.get(step)
            case Array(items=items) if isinstance(step, int) and step < len(items):
                node = items[step]
            case _:
                return None
    return node


def plain(node: Node) -> object:
    """The node as ordinary Python values."""
    match node:
        case Scalar():
            return node.value
        case Array():
            return [plain(item) for item in node.items]
        case Object():
            return {member.name: plain(member.value) for member in node.members}
        case _:
            assert_never(node)


def sources(node: Node) -> Iterator[Source]:
    """The files that a node and all below it come from, with repetitions."""
    yield node.source
    match node:
        case Scalar():
            return
        case Array():
            for item in node.items:
                yield from sources(item)
        case Object():
            for member in node.members:
                yield from sources(member.value)
        case _:
            assert_never(node)


def problem(
    severity: Severity,
    where: Node | Member,
    key_path: str,
    message: str,
    *,
    expected: str = "",
    suggestion: str = "",
) -> Problem:
    """A problem at the place of a node or of a key."""
    line, column = where.source.position(where.start)
    return Problem(severity, where.source.path, line, column, key_path, message, expected, suggestion)
