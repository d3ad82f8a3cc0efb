"""From a path to a tree: the bytes of a configuration file, decoded and parsed, or what keeps them from being that."""

from __future__ import annotations

from pathlib import Path

from fluffbuzz.config.problems import Problem
from fluffbuzz.config.syntax import parse
from fluffbuzz.config.tree import Node, Source

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def parse_file(path: Path, data: bytes) -> tuple[Node | None, list[Problem]]:
    """The tree of a file with these contents, or None, and its problems."""
    text = decode(path, data)
    return (None, [text]) if isinstance(text, Problem) else parse(Source(path, text))


def decode(path: Path, data: bytes) -> str | Problem:
    """The text of a file, which has to be UTF-8 without a byte order mark."""
    if data.startswith(_BOM):
        return Problem("error", path, 1, 1, "", "the file begins with a byte order mark; save it as UTF-8 without one")
    if data.startswith(_UTF16):
        return Problem("error", path, 1, 1, "", "the file is UTF-16; save it as UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        good = data[: error.start].decode()
        line, column = Source(path, good).position(len(good))
        return Problem(
            "error", path, line, column, "", "the file is not UTF-8: it has a byte that stands for nothing here"
        )
