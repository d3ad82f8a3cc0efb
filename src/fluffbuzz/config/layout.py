"""How a value is written into a file that somebody else laid out: their indentation, line ends and quotes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import assert_never

from fluffbuzz.config.tree import Array, Member, Node, Object, Scalar, Source

LINE_END = re.compile("[\n\r\u2028\u2029]")
_BARE_KEY = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_TRAILING_COMMA = re.compile(r",\s*[}\]]")
_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_SEPARATORS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True, slots=True)
class Style:
    """The habits of one file."""

    newline: str
    unit: str
    has_bare_keys: bool
    has_trailing_commas: bool
    is_one_line: bool


def style_of(root: Node) -> Style:
    """The habits that the file of this tree shows; JSON5's ease where it shows none."""
    text = root.source.text
    keys = [member for member in _keys(root) if _BARE_KEY.fullmatch(member.name)]
    indented = _INDENTED.search(text)
    return Style(
        newline="\r\n" if "\r\n" in text else "\n",
        unit=indented.group(1) if indented else "  ",
        has_bare_keys=not keys or any(text[key.start] not in "\"'" for key in keys),
        has_trailing_commas=not keys or bool(_TRAILING_COMMA.search(text)),
        is_one_line=bool(keys) and not LINE_END.search(text.strip()),
    )


def _keys(node: Node) -> list[Member]:
    match node:
        case Scalar():
            return []
        case Array():
            return [key for item in node.items for key in _keys(item)]
        case Object():
            return [key for member in node.members for key in (member, *_keys(member.value))]
        case _:
            assert_never(node)


def indent_at(source: Source, offset: int) -> str:
    """The white space that the line of this character begins with."""
    start = source.text.rfind("\n", 0, offset) + 1
    found = re.compile(r"[ \t]*").match(source.text, start)
    assert found, "the pattern also matches nothing"
    return found.group()


def write_value(value: object, style: Style, indent: str | None) -> str:
    """A value as JSON5: on one line where `indent` is None, else with lines that begin with at least `indent`."""
    match value:
        case dict():
            entries = [f"{write_key(name, style)}: " for name in value]
            return _block("{}", entries, list(value.values()), style, indent)
        case list():
            is_flat = not any(isinstance(item, dict | list) for item in value)
            return _block("[]", [""] * len(value), value, style, None if is_flat else indent)
        case str():
            return _write_text(value)
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case _:
            return json.dumps(value)


def write_key(name: str, style: Style) -> str:
    """A key, with quotes where the file's habit or the key itself wants them."""
    return name if style.has_bare_keys and _BARE_KEY.fullmatch(name) else _write_text(name)


def _write_text(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    for sign, escape in _SEPARATORS.items():
        written = written.replace(sign, escape)
    return written


def _block(brackets: str, prefixes: list[str], values: list[object], style: Style, indent: str | None) -> str:
    opening, closing = brackets[0], brackets[1]
    if not values:
        return brackets
    inner = None if indent is None else indent + style.unit
    parts = [prefix + write_value(value, style, inner) for prefix, value in zip(prefixes, values, strict=True)]
    if inner is None:
        return f"{opening}{', '.join(parts)}{closing}"
    separator = f",{style.newline}{inner}"
    comma = "," if style.has_trailing_commas else ""
    return f"{opening}{style.newline}{inner}{separator.join(parts)}{comma}{style.newline}{indent}{closing}"
