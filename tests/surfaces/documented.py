"""What docs/json.md promises, read from the page itself, so that page and program cannot drift apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "json.md"

_NAME = re.compile(r"`([^`]+)`")
_ROW = re.compile(r"^\| `(?P<key>\w+)` \| (?P<types>[^|]+?) \| (?P<meaning>.+) \|$", re.MULTILINE)
_TYPES: dict[str, type] = {"string": str, "object": dict, "null": type(None)}


class Key(NamedTuple):
    """One row of the table: the types its value may have, and every name that its meaning mentions."""

    name: str
    types: tuple[type, ...]
    names: frozenset[str]


def section(heading: str) -> str:
    """The text under a heading."""
    _, found, rest = PAGE.read_text("utf-8").partition(f"## `{heading}`\n")
    assert found, f"docs/json.md has no section {heading}"
    return rest.partition("\n## ")[0]


def table(heading: str) -> list[Key]:
    """The rows of a section's table, in order."""
    return [
        Key(row["key"], tuple(_TYPES[name] for name in row["types"].split(" or ")), names(row["meaning"]))
        for row in _ROW.finditer(section(heading))
    ]


def names(text: str) -> frozenset[str]:
    """Everything that stands between backquotes."""
    return frozenset(_NAME.findall(text))


def keys(value: Any) -> Iterator[str]:
    """The keys of a JSON value and of all within it."""
    match value:
        case dict():
            for key, inner in value.items():
                yield key
                yield from keys(inner)
        case list():
            for inner in value:
                yield from keys(inner)
        case _:
            pass
