"""A tree against the table of settings: every mistake with its place, and the tree of what will be used.

What comes out has only keys that are built, with variables put in; wrong values stay in it, so that later checks still
see that the key was written. Nothing here stops at the first mistake.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from fluffbuzz.config.forms import fault
from fluffbuzz.config.keypath import render
from fluffbuzz.config.problems import Problem, Severity
from fluffbuzz.config.rules import Rule, nearest
from fluffbuzz.config.schema import (
    Anything,
    Credential,
    Either,
    Flag,
    Form,
    Number,
    Open,
    Record,
    Sequence,
    Standing,
    Table,
    Text,
    describe,
)
from fluffbuzz.config.tree import Array, KeyPath, Member, Node, Object, Scalar, problem
from fluffbuzz.config.variables import almost_variables, fill, spelled_out

_SECRET_REF = frozenset({"source", "provider", "id"})


@dataclass(slots=True)
class Checker:
    """One walk along a tree; `problems` fills as it goes."""

    env: Mapping[str, str]
    missing_variable: Severity = "warning"
    problems: list[Problem] = field(default_factory=list)

    def check(self, node: Node, rule: Rule, path: KeyPath = ()) -> Node:
        """The node as it will be used; notes what is wrong with it and with all below."""
        kind = rule.kind
        match kind:
            case Record():
                return self._record(node, rule, path)
            case Table():
                return self._table(node, rule, path)
            case Sequence():
                return self._sequence(node, rule, path)
            case Open():
                return self._open(node, path)
            case Either():
                return self._either(node, kind, rule, path)
            case Anything():
                return node
            case Credential() | Text() | Flag() | Number():
                return self._single(node, kind, path)
            case _:
                assert_never(kind)

    def _single(self, node: Node, kind: Credential | Text | Flag | Number, path: KeyPath) -> Node:
        match kind:
            case Credential():
                return self._credential(node, path)
            case Text():
                return self._text(node, kind, path)
            case Flag():
                return self._flag(node, path)
            case Number():
                return self._number(node, kind, path)
            case _:
                assert_never(kind)

    def _record(self, node: Node, rule: Rule, path: KeyPath) -> Node:
        if not isinstance(node, Object):
            return self._wrong(node, path, describe(rule.kind))
        members = [used for member in node.members if (used := self._member(member, rule, (*path, member.name)))]
        for name, child in rule.children.items():
            if child.key.is_required and not node.member(name):
                self._error(node, path, f"`{name}` is missing")
        return replace(node, members=tuple(members))

    def _member(self, member: Member, rule: Rule, path: KeyPath) -> Member | None:
        """A key of an object, or None where it is not used."""
        child = rule.children.get(member.name)
        if child is None:
            self._error(member, path, "there is no such key", suggestion=nearest(member.name, rule))
            return None
        match child.key.standing:
            case Standing.BUILT:
                return replace(member, value=self.check(member.value, child, path))
            case Standing.IGNORED:
                note = "this is not built yet and is ignored"
                self.problems.append(problem("warning", member, render(path), note))
                return None
            case Standing.REFUSED:
                self._error(member, path, f"this is not supported: {child.key.instead}")
                return None
            case _:
                assert_never(child.key.standing)

    def _table(self, node: Node, rule: Rule, path: KeyPath) -> Node:
        if not isinstance(node, Object):
            return self._wrong(node, path, describe(rule.kind))
        child = rule.children["*"]
        members = [
            replace(member, value=self.check(member.value, child, (*path, member.name))) for member in node.members
        ]
        return replace(node, members=tuple(members))

    def _sequence(self, node: Node, rule: Rule, path: KeyPath) -> Node:
        if not isinstance(node, Array):
            return self._wrong(node, path, describe(rule.kind))
        child = rule.children["[]"]
        items = [self.check(item, child, (*path, index)) for index, item in enumerate(node.items)]
        return replace(node, items=tuple(items))

    def _either(self, node: Node, kind: Either, rule: Rule, path: KeyPath) -> Node:
        match node:
            case Scalar(value=str()):
                return self._text(node, kind.short, path)
            case Object():
                return self._record(node, rule, path)
            case _:
                return self._wrong(node, path, describe(kind))

    def _open(self, node: Node, path: KeyPath) -> Node:
        if not isinstance(node, Object):
            return self._wrong(node, path, describe(Open()))
        return self._json(node, path)

    def _json(self, node: Node, path: KeyPath) -> Node:
        """Anything that can be sent as JSON."""
        match node:
            case Scalar(value=str()):
                return self._filled(node, path)
            case Scalar(value=float() as number) if not math.isfinite(number):
                self._error(node, path, "this number cannot be sent as JSON")
                return node
            case Scalar():
                return node
            case Array(items=items):
                return replace(node, items=tuple(self._json(item, (*path, i)) for i, item in enumerate(items)))
            case Object(members=members):
                used = (replace(m, value=self._json(m.value, (*path, m.name))) for m in members)
                return replace(node, members=tuple(used))
            case _:
                assert_never(node)

    def _credential(self, node: Node, path: KeyPath) -> Node:
        match node:
            case Object(members=members) if {member.name for member in members} <= _SECRET_REF:
                self._error(node, path, 'references to secrets are not built yet; supported: text, or "${NAME}"')
                return node
            case Scalar(value=str() as text):
                whole = replace(node, value=spelled_out(text))
                return self._text(whole, Text(Form.HEADER), path)
            case _:
                return self._wrong(node, path, describe(Credential()))

    def _text(self, node: Node, kind: Text, path: KeyPath) -> Node:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return self._wrong(node, path, describe(kind))
        node = self._filled(node, path)
        text = str(node.value)
        if node.missing:
            return node  # nothing can be said of a text that is not complete
        if kind.choices:
            self._choice(node, text, kind, path)
        elif wrong := fault(kind.form, text):
            self._error(node, path, wrong, expected=describe(kind) if kind.form is Form.URL else "")
        return node

    def _choice(self, node: Node, text: str, kind: Text, path: KeyPath) -> None:
        if text in kind.choices:
            return
        if text in kind.later:
            self._error(node, path, f"{text} is not built yet; supported: {', '.join(kind.choices)}")
            return
        from difflib import get_close_matches  # only a mistake needs it

        near = get_close_matches(text, kind.choices, n=1)
        self._error(node, path, "there is no such choice", expected=describe(kind), suggestion=near[0] if near else "")

    def _flag(self, node: Node, path: KeyPath) -> Node:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node
        return self._wrong(node, path, describe(Flag()))

    def _number(self, node: Node, kind: Number, path: KeyPath) -> Node:
        value = node.value if isinstance(node, Scalar) else None
        if not isinstance(node, Scalar) or isinstance(value, bool) or not isinstance(value, int | float):
            return self._wrong(node, path, describe(kind))
        too_low = (kind.above is not None and value <= kind.above) or (kind.least is not None and value < kind.least)
        if not math.isfinite(value) or too_low or (kind.whole and value != int(value)):
            self._error(node, path, f"found {node.source.text[node.start : node.end]}", expected=describe(kind))
            return node
        return replace(node, value=int(value)) if kind.whole else node

    def _filled(self, node: Scalar, path: KeyPath) -> Scalar:
        """A text with its variables put in."""
        filled = fill(str(node.value), self.env)
        for name in almost_variables(str(node.value)):
            note = f"${{{name}}} stays as it is: the names of variables have capital letters only"
            self.problems.append(problem("warning", node, render(path), note))
        for name in filled.missing:
            note = f"the environment variable {name} is not set"
            self.problems.append(problem(self.missing_variable, node, render(path), note))
        return replace(node, value=filled.text, missing=filled.missing)

    def _wrong(self, node: Node, path: KeyPath, expected: str) -> Node:
        self._error(node, path, f"found {_name(node)}", expected=expected)
        return node

    def _error(
        self, where: Node | Member, path: KeyPath, message: str, *, expected: str = "", suggestion: str = ""
    ) -> None:
        self.problems.append(problem("error", where, render(path), message, expected=expected, suggestion=suggestion))


def _name(node: Node) -> str:
    """What a value is, never what it says: it may be a secret in the wrong place."""
    match node:
        case Object():
            return "an object"
        case Array():
            return "a list"
        case Scalar(value=None):
            return "null"
        case Scalar(value=bool(value)):
            return "true" if value else "false"
        case Scalar(value=str()):
            return "text"
        case Scalar():
            return "a number"
        case _:
            assert_never(node)
