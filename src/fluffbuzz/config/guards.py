"""What a change of one key must not do: drop entries of a map that took work to collect, or miss its aim.

Pure comparisons of trees; whoever makes the change says no.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fluffbuzz.config.keypath import render
from fluffbuzz.config.rules import ANY_KEY
from fluffbuzz.config.tree import Array, KeyPath, Node, Object, Scalar, at, sources

PROTECTED: tuple[tuple[str, ...], ...] = (
    ("models", "providers"),
    ("models", "providers", ANY_KEY),
    ("models", "providers", ANY_KEY, "models"),
    ("agents", "defaults", "models"),
    ("auth", "profiles"),
    ("env", "vars"),
)
"""Maps, and lists of rows with an id, that no `set` makes shorter by accident; outer ones first."""


def dropped(before: Node, after: Node, path: KeyPath) -> list[str]:
    """The entries of protected maps that setting `path` took away, outermost only."""
    gone: list[KeyPath] = []
    for pattern in PROTECTED:
        for place in _places(before, pattern):
            if place[: len(path)] != path:
                continue  # what was set stands deeper in the map, or elsewhere
            left = set(_entries(at(after, place)))
            gone += [(*place, name) for name in _entries(at(before, place)) if name not in left]
    return [
        render(entry) for entry in gone if not any(entry[: len(outer)] == outer for outer in gone if outer != entry)
    ]


def _places(root: Node, pattern: tuple[str, ...], way: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths that exist and match a pattern."""
    if not pattern:
        yield way
        return
    node = at(root, way)
    for name in _entries(node) if isinstance(node, Object) else ():
        if pattern[0] in {name, ANY_KEY}:
            yield from _places(root, pattern[1:], (*way, name))


def _entries(node: Node | None) -> list[str]:
    """The names of a map's keys, or the ids of a list's rows."""
    match node:
        case Object(members=members):
            return [member.name for member in members]
        case Array(items=items):
            return [
                row.value
                for item in items
                if isinstance(row := at(item, ("id",)), Scalar) and isinstance(row.value, str)
            ]
        case _:
            return []


def included_from(whole: Node, path: KeyPath, own: Path) -> tuple[Path, ...]:
    """The other files in which the value at `path`, or a list on the way to it, stands at least in part."""
    way = [at(whole, path[:depth]) for depth in range(len(path) + 1)]
    nodes: list[Node] = [node for node in way[:-1] if isinstance(node, Array)]
    nodes += [node for node in way[-1:] if node is not None]
    files = (source.path for node in nodes for source in sources(node))
    return tuple(dict.fromkeys(file for file in files if file != own))
