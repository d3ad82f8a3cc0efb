"""Changes to the text of a configuration that leave every other character of it as it was: comments, order, layout.

Pure: from a tree (which holds its text) to a new text. A path goes as deep as the file does; what is missing is made.
"""

from __future__ import annotations

import re

from fluffbuzz.config.keypath import render
from fluffbuzz.config.layout import LINE_END, Style, indent_at, style_of, write_key, write_value
from fluffbuzz.config.syntax import skip_space
from fluffbuzz.config.tree import Array, KeyPath, Node, Object, at, plain
from fluffbuzz.core.errors import UsageError

Container = Object | Array

_LINE_COMMENT = re.compile("//[^\n\r\u2028\u2029]*")
_BLOCK_COMMENT = re.compile(r"/\*[\s\S]*?\*/")
_BLANKS = re.compile(r"[ \t]*")


def set_value(root: Node, path: KeyPath, value: object) -> str:
    """The text with the value at that path. Raises UsageError where the path leads through something else."""
    text, old = root.source.text, at(root, path)
    if old is None:
        return _insert_below(root, path, value)
    if repr(plain(old)) == repr(value):  # 1, 1.0 and true are equal, but not the same
        return text
    style = style_of(root)
    is_inline = isinstance(old, Object | Array) and bool(_spans(old)) and not LINE_END.search(text[old.start : old.end])
    indent = None if is_inline or style.is_one_line else indent_at(old.source, old.start)
    return text[: old.start] + write_value(value, style, indent) + text[old.end :]


def unset_value(root: Node, path: KeyPath) -> str:
    """The text without the entry at that path, which has to be there."""
    container, step = at(root, path[:-1]), path[-1]
    if isinstance(container, Object):
        return _remove(container, [member.name for member in container.members].index(str(step)))
    assert isinstance(container, Array), "the entry is there, so it is in something"
    assert isinstance(step, int), "only positions lead into a list"
    return _remove(container, step)


def _insert_below(root: Node, path: KeyPath, value: object) -> str:
    """Put the value into the deepest container on its way that exists, inside of all that does not."""
    depth = max(depth for depth in range(len(path)) if at(root, path[:depth]) is not None)
    container, step = at(root, path[:depth]), path[depth]
    for place in range(len(path) - 1, depth, -1):
        missing = path[place]
        if isinstance(missing, int) and missing != 0:
            text = f"There is no list at {render(path[:place])} yet, so [{missing}] cannot be set."
            raise UsageError(text, "Begin with [0].")
        value = [value] if isinstance(missing, int) else {missing: value}
    match container:
        case Object() if isinstance(step, str):
            return _insert(container, f"{write_key(step, style_of(root))}: ", value, style_of(root))
        case Array() if isinstance(step, int) and step == len(container.items):
            return _insert(container, "", value, style_of(root))
        case _:
            raise _no_way(path, depth, container)


def _no_way(path: KeyPath, depth: int, node: Node | None) -> UsageError:
    here, step = render(path[:depth]) or "the configuration", path[depth]
    match node:
        case Array() if isinstance(step, int):
            return UsageError(
                f"{here} has {len(node.items)} entries, so [{step}] cannot be set.", "Add one at the end."
            )
        case Array():
            return UsageError(f"{here} is a list, so `{step}` cannot be set in it.", f"Name a position: {here}[0]")
        case Object():
            return UsageError(f"{here} is an object, so [{step}] cannot be set in it.", "Name a key.")
        case _:
            return UsageError(f"{here} is a single value, so nothing can be set in it.", f"Set {here} as a whole.")


def _spans(container: Container) -> list[tuple[int, int]]:
    """Where the entries of a container begin and end, keys included."""
    if isinstance(container, Array):
        return [(item.start, item.end) for item in container.items]
    return [(member.start, member.value.end) for member in container.members]


def _insert(container: Container, prefix: str, value: object, style: Style) -> str:
    """The text with one more entry at the end of a container."""
    text, spans, end = container.source.text, _spans(container), container.end - 1
    if not spans:
        return _insert_first(container, prefix, value, style)
    last_start, last_end = spans[-1]
    before = spans[-2][1] if len(spans) > 1 else container.start + 1
    comma = _comma(text, last_end)
    if not LINE_END.search(text[before:last_start]) and not LINE_END.search(text[last_end:end]):
        place = comma if comma is not None else last_end + len(text[last_end:end].rstrip())
        return f"{text[:place]}, {prefix}{write_value(value, style, None)}{text[place:]}"
    indent = _entry_indent(container, last_start, style)
    place = _line_tail(text, last_end if comma is None else comma + 1)
    entry = f"{style.newline}{indent}{prefix}{write_value(value, style, indent)}"
    if comma is None:
        return f"{text[:last_end]},{text[last_end:place]}{entry}{text[place:]}"
    return f"{text[:place]}{entry},{text[place:]}"


def _insert_first(container: Container, prefix: str, value: object, style: Style) -> str:
    text, end = container.source.text, container.end - 1
    inside = text[container.start + 1 : end]
    if style.is_one_line and not inside.strip():
        return f"{text[: container.start + 1]}{prefix}{write_value(value, style, None)}{text[end:]}"
    outer = indent_at(container.source, container.start)
    indent = outer + style.unit
    place = container.start + 1 + len(inside.rstrip())
    comma = "," if style.has_trailing_commas else ""
    entry = f"{style.newline}{indent}{prefix}{write_value(value, style, indent)}{comma}"
    rest = text[place:] if LINE_END.search(text[place:end]) else f"{style.newline}{outer}{text[end:]}"
    return f"{text[:place]}{entry}{rest}"


def _entry_indent(container: Container, start: int, style: Style) -> str:
    """The indentation of an entry that begins its line, else what one would have."""
    source = container.source
    line = source.text.rfind("\n", 0, start) + 1
    if source.text[line:start].strip(" \t"):
        return indent_at(source, container.start) + style.unit
    return source.text[line:start]


def _comma(text: str, end: int) -> int | None:
    """Where the comma behind an entry is, if there is one."""
    place = skip_space(text, end)
    return place if text[place] == "," else None


def _line_tail(text: str, place: int) -> int:
    """The position behind the comments that begin on the same line as `place`."""
    while True:
        found = _BLANKS.match(text, place)
        assert found, "the pattern also matches nothing"
        comment = _LINE_COMMENT.match(text, found.end()) or _BLOCK_COMMENT.match(text, found.end())
        if not comment:
            return place
        place = comment.end()


def _remove(container: Container, index: int) -> str:
    """The text without one entry, its comma, and the comment behind it on its line."""
    text, spans = container.source.text, _spans(container)
    start, end = spans[index]
    comma = _comma(text, end)
    head, tail = text[:start], text[end if comma is None else comma + 1 :]
    if comma is None and index:
        previous = skip_space(text, spans[index - 1][1])
        head = text[:previous] + text[previous + 1 : start]
    return _close_gap(head, tail)


def _close_gap(head: str, tail: str) -> str:
    """Join what stood around a removed entry: without its line where it had one, else without doubled blanks."""
    line = head[head.rfind("\n") + 1 :]
    behind = _line_tail(tail, 0)
    rest = re.compile(r"[ \t]*(\r?\n)").match(tail, behind)
    if not line.strip(" \t") and rest and not LINE_END.search(tail[:behind]) and len(line) < len(head):
        return head[: len(head) - len(line)] + tail[rest.end() :]
    if tail.lstrip(" \t")[:1] in {"}", "]"}:
        return head.rstrip(" \t") + (tail if head.rstrip(" \t")[-1:] not in {"{", "["} else tail.lstrip(" \t"))
    rest_of_line = tail.lstrip(" \t")
    return head.rstrip(" \t") + rest_of_line if LINE_END.match(rest_of_line) else head + rest_of_line
