"""What may be written to a terminal: text without control characters, and styles only where the user wants them.

Answers, titles and a server's words are not ours: a control sequence in them could rewrite the screen or the clipboard.
"""

from __future__ import annotations

import os
from typing import IO

import click

_SIGNS = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"},
    ord("\r"): None,
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
}


def legible(text: str) -> str:
    """The text with control characters as visible signs; tabs and line ends stay, carriage returns are left out."""
    return text.translate(_SIGNS)


def legible_on(stream: IO[str], text: str) -> str:
    """The text for that stream: legible on a terminal, as it is in a pipe or file."""
    return legible(text) if stream.isatty() else text


def has_cursor() -> bool:
    """Whether a terminal here can be drawn on, rather than only written to."""
    return os.environ.get("TERM") not in ("dumb", "unknown")


def dimmed(text: str) -> str:
    """A remark beside the conversation."""
    return click.style(text, dim=True) if _may_style() else text


def alarming(text: str) -> str:
    """The first line of an error in the conversation."""
    return click.style(text, fg="red") if _may_style() else text


def _may_style() -> bool:
    return has_cursor() and not os.environ.get("NO_COLOR")
