"""The way to one setting, as people write it: `models.providers.here.models[0].id`, `a["key.with/dots"].b`.

A key with dots or brackets stands in brackets, with or without quotes (shells remove quotes); a number in brackets
is a position in a list.
"""

from __future__ import annotations

import re

from fluffbuzz.config.literals import Mistake, read_string
from fluffbuzz.config.tree import KeyPath
from fluffbuzz.core.errors import UsageError

_SIMPLE = re.compile(r"[A-Za-z_$][\w$/*:-]*", re.ASCII)
_STEP = re.compile(
    r"""\.?(?P<key>[^.\[\]"']+)"""
    r"""|\[(?P<index>[0-9]{1,9})\]"""
    r"""|\[(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]"""
    r"""|\[(?P<bare>[^\["'\]]+)\]"""
)


def parse(text: str) -> KeyPath:
    """Read a path. Raises UsageError with the part that cannot be read."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if not found or (text[at] == ".") != (at > 0 and found["key"] is not None):
            raise _unreadable(text, at)
        try:
            steps.append(_step(found))
        except Mistake:
            raise _unreadable(text, at) from None
        at = found.end()
    if not steps:
        raise UsageError("The path to the setting is empty.", "Name one, for example: agents.defaults.model")
    return tuple(steps)


def _step(found: re.Match[str]) -> str | int:
    if found["index"] is not None:
        return int(found["index"])
    if found["quoted"] is not None:
        return read_string(found["quoted"], 0)[0]
    key: str = found["key"] if found["key"] is not None else found["bare"]
    return key


def _unreadable(text: str, at: int) -> UsageError:
    return UsageError(
        f"The path `{text}` cannot be read from `{text[at:]}` on.",
        'Keys are joined by dots, list positions stand in brackets: a.b[0].c; a key with dots: a["b.c"].d',
    )


def _quoted(key: str) -> str:
    import json  # few keys need quotes

    return json.dumps(key, ensure_ascii=False)


def render(path: KeyPath) -> str:
    """The path as `parse` reads it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _SIMPLE.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{_quoted(step)}]"
    return text
