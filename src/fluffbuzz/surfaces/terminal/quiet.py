"""A terminal that does not echo while an answer is drawn: typed keys, `^C` above all, would shift what is drawn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_echo() -> Iterator[None]:
    """Switch the echo of standard input's terminal off, and back on however this ends."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios  # not on every platform

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
