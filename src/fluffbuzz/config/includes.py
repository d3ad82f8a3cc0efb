"""`$include`: other files merged into the tree, each node keeping the file it came from.

Objects are merged, lists joined, anything else is replaced by the later file; the keys beside an `$include` come last.
Included files have to be in the configuration's own directory, or below one the user allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from fluffbuzz.config.files import Read, canonical, reason
from fluffbuzz.config.keypath import render
from fluffbuzz.config.problems import Problem
from fluffbuzz.config.sources import parse_file
from fluffbuzz.config.tree import Array, KeyPath, Member, Node, Object, Scalar, problem

INCLUDE = "$include"
MAX_LEVELS = 10
MAX_FILES = 100
"""Levels alone would not bound the work: every file may include many."""


@dataclass(slots=True)
class Includer:
    """One expansion: what it may read, what it has read, what was wrong."""

    read: Read
    roots: Collection[Path]
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def expand(self, node: Node, chain: Sequence[Path], path: KeyPath = ()) -> Node:
        """The tree with every `$include` replaced; `chain` is the way of files that led here, itself last."""
        match node:
            case Scalar():
                return node
            case Array(items=items):
                return replace(node, items=tuple(self.expand(item, chain, (*path, i)) for i, item in enumerate(items)))
            case Object():
                return self._expand_object(node, chain, path)
            case _:
                assert_never(node)

    def _expand_object(self, node: Object, chain: Sequence[Path], path: KeyPath) -> Node:
        members = tuple(
            replace(member, value=self.expand(member.value, chain, (*path, member.name)))
            for member in node.members
            if member.name != INCLUDE
        )
        own = replace(node, members=members)
        directive = node.member(INCLUDE)
        if directive is None:
            return own
        parts = [part for name in self._names(directive, path) if (part := self._open(name, chain, path))]
        return self._merge_all(parts, own, directive, path)

    def _merge_all(self, parts: list[Node], own: Object, directive: Member, path: KeyPath) -> Node:
        """The included parts in their order, then the keys beside the directive."""
        whole: Node | None = None
        for part in (*parts, own) if own.members or not parts else parts:
            if whole is not None and type(whole) is not type(part):
                text = "what is included here has to be an object each time, for it is merged"
                self.problems.append(problem("error", directive, render(path), text))
                return own
            whole = part if whole is None else merge(whole, part)
        assert whole is not None, "there is always the object itself"
        return whole

    def _names(self, directive: Member, path: KeyPath) -> list[Scalar]:
        value = directive.value
        names = value.items if isinstance(value, Array) else (value,)
        good = [name for name in names if isinstance(name, Scalar) and _is_name(name.value)]
        if len(good) != len(names) or not names:
            where = render((*path, INCLUDE))
            self.problems.append(
                problem("error", value, where, "this names no file", expected="a path or a list of paths")
            )
        return good

    def _open(self, name: Scalar, chain: Sequence[Path], path: KeyPath) -> Node | None:
        """The expanded tree of one included file, or None after noting what is wrong."""
        named = name.source.path.parent / str(name.value)
        file = canonical(named)
        mistake = self._refusal(file, chain)
        if not mistake:
            self.files.append(file)
            try:
                data = self.read(file)
            except FileNotFoundError:
                mistake = f"there is no file {named}"
            except OSError as error:
                mistake = f"{named} cannot be read: {reason(error)}"
            else:
                node, problems = parse_file(file, data)
                self.problems += problems
                return self.expand(node, (*chain, file), path) if node else None
        self.problems.append(problem("error", name, render((*path, INCLUDE)), mistake))
        return None

    def _refusal(self, file: Path, chain: Sequence[Path]) -> str:
        if file in chain:
            way = " → ".join(str(step) for step in (*chain[chain.index(file) :], file))
            return f"these files include one another: {way}"
        if not any(file.is_relative_to(root) for root in self.roots):
            return f"{file} is outside of the configuration's directory"
        if len(chain) > MAX_LEVELS:
            return f"files include one another more than {MAX_LEVELS} levels deep here"
        if len(self.files) >= MAX_FILES:
            return f"more than {MAX_FILES} files are included"
        return ""


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def merge(base: Node, over: Node) -> Node:
    """Two trees as one: objects key by key, lists joined, else `over`."""
    match base, over:
        case Object(), Object():
            members = {member.name: member for member in base.members}
            for member in over.members:
                known = members.get(member.name)
                value = merge(known.value, member.value) if known else member.value
                members[member.name] = replace(member, value=value)
            return replace(over, members=tuple(members.values()))
        case Array(), Array():
            return replace(over, items=(*base.items, *over.items))
        case _:
            return over
