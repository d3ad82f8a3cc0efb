"""The table of settings as a tree, to be walked along with a configuration.

Also the nearest valid key: for somebody who wrote one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from fluffbuzz.config.keys import TABLE
from fluffbuzz.config.schema import Either, Key, Kind, Record, Sequence, Standing, Table
from fluffbuzz.config.tree import KeyPath

ANY_KEY = "*"
ANY_ITEM = "[]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row with the rows below it: by name for an object, as `*` or `[]` for a map or list."""

    key: Key
    children: dict[str, Rule] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What its value may be."""
        return self.key.kind

    def below(self, step: str | int) -> Rule | None:
        """The rule of a key or list position in it."""
        if isinstance(step, int):
            return self.children.get(ANY_ITEM)
        return self.children.get(step) or self.children.get(ANY_KEY)


def grow(table: Iterable[Key]) -> Rule:
    """Build the tree. Rows may come in any order, but every object on the way to a row needs its own row."""
    root = Rule(Key("", Record(), "The whole file."))
    for key in sorted(table, key=lambda row: row.path.count(".") + row.path.count("[]")):
        *way, name = _steps(key.path)
        parent = root
        for step in way:
            parent = parent.children[step]
        parent.children[name] = _with_values(key)
    return root


def _steps(path: str) -> list[str]:
    return path.replace(ANY_ITEM, f".{ANY_ITEM}").split(".")


def _with_values(key: Key) -> Rule:
    """A rule, with the one for its values where the row itself says what they are."""
    match key.kind:
        case Table(of=kind) if kind is not None:
            return Rule(key, {ANY_KEY: Rule(replace(key, path=f"{key.path}.{ANY_KEY}", kind=kind))})
        case Sequence(of=kind) | Either(full=Sequence(of=kind)) if kind is not None:
            return Rule(key, {ANY_ITEM: Rule(replace(key, path=f"{key.path}{ANY_ITEM}", kind=kind))})
        case _:
            return Rule(key)


@cache
def rules() -> Rule:
    """The tree of all settings."""
    return grow(TABLE)


def rule_at(path: KeyPath) -> Rule | None:
    """The rule for one place in a configuration, if the table knows it."""
    rule: Rule | None = rules()
    for step in path:
        rule = rule.below(step) if rule else None
    return rule


def nearest(name: str, rule: Rule) -> str:
    """The key that somebody who wrote `name` here most likely meant; empty where nothing is near.

    Case, dashes and underscores do not count. A key that exists in exactly one other place is given with its path.
    """
    from difflib import get_close_matches  # only a mistake needs it

    here = {_blurred(known): known for known in sorted(rule.children, reverse=True)}
    if _blurred(name) in here:
        return here[_blurred(name)]
    elsewhere = [row.path for row in _built(rules()) if row.path.rpartition(".")[2] == name]
    if len(elsewhere) == 1:
        return elsewhere[0]
    return next((here[near] for near in get_close_matches(_blurred(name), here, n=1)), "")


def _blurred(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _built(rule: Rule) -> Iterator[Key]:
    for child in rule.children.values():
        if child.key.standing is Standing.BUILT:
            yield child.key
        yield from _built(child)
