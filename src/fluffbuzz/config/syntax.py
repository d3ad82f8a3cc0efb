"""JSON5 text to a tree that knows the place of everything in it.

Written here because a configuration must never hang or be misread: of a mistake this parser says the line, the column
and what is wrong in a plain sentence, it takes time proportional to the text, and it costs nothing to import.
"""

from __future__ import annotations

import math
import re

from fluffbuzz.config.literals import Mistake, read_number, read_string, read_word
from fluffbuzz.config.problems import Problem
from fluffbuzz.config.tree import Array, Member, Node, Object, Scalar, Source, problem

MAX_NESTING = 100
"""How deep values may stand in one another; no real configuration comes near."""

SPACE = re.compile(
    "(?:[\t\n\v\f\r \u00a0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
    "|//[^\n\r\u2028\u2029]*|/\\*[\\s\\S]*?\\*/)*"
)
_WORDS = {"true": True, "false": False, "null": None, "Infinity": math.inf, "NaN": math.nan}
_NUMBER_BEGINS = frozenset("+-.0123456789")


def parse(source: Source) -> tuple[Node | None, list[Problem]]:
    """Read a whole text: its tree, or None where it is no JSON5, and what is wrong with it."""
    parser = _Parser(source)
    try:
        root = parser.whole()
    except Mistake as mistake:
        line, column = source.position(mistake.at)
        return None, [Problem("error", source.path, line, column, "", mistake.message)]
    return root, parser.problems


def skip_space(text: str, at: int) -> int:
    """The position behind white space and comments."""
    found = SPACE.match(text, at)
    assert found, "the pattern also matches nothing"
    return found.end()


class _Parser:
    """One pass over one text; `at` is the next character."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.problems: list[Problem] = []

    def whole(self) -> Node:
        self._skip()
        if not self._next():
            raise Mistake(0, "the file is empty; write {} for a configuration without settings, or delete it")
        root = self._value(0)
        self._skip()
        if self._next():
            raise Mistake(self.at, f"nothing may follow the end of the configuration, but here stands {self._found()}")
        return root

    def _value(self, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise Mistake(self.at, f"values are nested more than {MAX_NESTING} deep here")
        start, sign = self.at, self._next()
        value: str | float | bool | None
        if sign == "{":
            return self._object(depth)
        if sign == "[":
            return self._array(depth)
        if sign in {'"', "'"}:
            value, self.at = read_string(self.text, start)
        elif sign and sign in _NUMBER_BEGINS:
            value, self.at = read_number(self.text, start)
        else:
            value = self._word()
        return Scalar(self.source, start, self.at, value)

    def _word(self) -> float | bool | None:
        word = read_word(self.text, self.at)
        if word is None:
            raise Mistake(self.at, f"a value is missing: here stands {self._found()}")
        name, end = word
        if name not in _WORDS:
            near = next((f" (did you mean {known}?)" for known in _WORDS if known.lower() == name.lower()), "")
            raise Mistake(self.at, f"`{name}` is no value{near}; text needs quotes")
        self.at = end
        return _WORDS[name]

    def _array(self, depth: int) -> Array:
        start, items = self.at, list[Node]()
        self.at += 1
        while not self._closes("]", start):
            items.append(self._value(depth + 1))
            if not self._continues("]", start):
                break
        return Array(self.source, start, self.at, tuple(items))

    def _object(self, depth: int) -> Object:
        start, members = self.at, dict[str, Member]()
        self.at += 1
        while not self._closes("}", start):
            member = self._member(start, depth)
            self._note_duplicate(members.get(member.name), member)
            members[member.name] = member
            if not self._continues("}", start):
                break
        return Object(self.source, start, self.at, tuple(members.values()))

    def _member(self, opened: int, depth: int) -> Member:
        start = self.at
        if self._next() in {'"', "'"}:
            name, self.at = read_string(self.text, start)
        else:
            word = read_word(self.text, start)
            if word is None:
                raise Mistake(start, self._no_key())
            name, self.at = word
        end = self.at
        self._skip(opened)
        if self._next() != ":":
            raise Mistake(
                self.at, f"a colon is missing after the key `{name}`: here stands {self._found()}{self._quotes()}"
            )
        self.at += 1
        self._skip(opened)
        return Member(self.source, start, end, name, self._value(depth + 1))

    def _note_duplicate(self, first: Member | None, again: Member) -> None:
        if first:
            line, _ = self.source.position(first.start)
            self.problems.append(problem("error", again, "", f"`{again.name}` stands here again, after line {line}"))

    def _no_key(self) -> str:
        if self._next().isdecimal():
            return "a key that begins with a digit needs quotes"
        return f"a key is missing: here stands {self._found()}"

    def _quotes(self) -> str:
        return "; a key with such a character needs quotes" if self._next() in set("-./@*+") else ""

    def _closes(self, bracket: str, opened: int) -> bool:
        """Whether the closing bracket comes next; if so, go behind it."""
        self._skip(opened)
        if self._next() != bracket:
            return False
        self.at += 1
        return True

    def _continues(self, bracket: str, opened: int) -> bool:
        """Whether a comma comes next (go behind it) rather than the closing bracket (go behind that)."""
        if self._closes(bracket, opened):
            return False
        if self._next() != ",":
            raise Mistake(self.at, f"a comma or {bracket} is missing: here stands {self._found()}")
        self.at += 1
        return True

    def _skip(self, opened: int | None = None) -> None:
        """Go behind white space and comments; inside brackets the text may not end."""
        self.at = skip_space(self.text, self.at)
        if self.text.startswith("/*", self.at):
            raise Mistake(self.at, "this comment has no closing */")
        if opened is not None and not self._next():
            raise Mistake(opened, f"this {self.text[opened]} is never closed")

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _found(self) -> str:
        sign = self._next()
        if sign == "#":
            return "`#` (comments begin with //)"
        word = read_word(self.text, self.at)
        return (
            f"`{word[0][:30]}`" if word else f"`{sign}`" if sign.isprintable() else f"the character U+{ord(sign):04X}"
        )
