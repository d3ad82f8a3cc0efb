"""A program on a terminal of its own: keys go in, and what a user would see comes out.

Every wait names what it waits for, and ends as soon as that is on the screen.
"""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pexpect
from tests.surfaces.screen import Screen

PATIENCE = 30.0
"""Seconds that anything may take on a busy machine; nothing waits longer than it has to."""

_ONE_READ = 0.25
ENTER, ALT_ENTER, TAB, UP, CTRL_C, CTRL_D = "\r", "\x1b\r", "\t", "\x1b[A", "\x03", "\x04"


class Terminal:
    """A running program and its screen; leaving the context ends it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], rows: int, columns: int) -> None:
        self.screen = Screen(rows, columns)
        self.raw = ""
        with warnings.catch_warnings():  # newer Pythons warn of a fork beside the server's thread; the child only execs
            warnings.simplefilter("ignore", DeprecationWarning)
            self._child: Any = pexpect.spawn(
                command[0],
                list(command[1:]),
                env=dict(env),
                dimensions=(rows, columns),
                encoding="utf-8",
                timeout=PATIENCE,
            )
        self._child.delaybeforesend = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close(force=True)

    @property
    def text(self) -> str:
        """Everything there is to read, scrolled-off lines included."""
        return self.screen.text

    def type(self, text: str) -> None:
        """Press keys."""
        self._child.send(text)

    def say(self, line: str) -> None:
        """Type a line and send it."""
        self.type(line + ENTER)

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self._child.kill(number)

    def until(self, wanted: str | Callable[[Screen], bool], times: int = 1) -> str:
        """Read until a text is to be read so many times, or a condition holds; returns all there is to read."""
        condition = wanted if callable(wanted) else lambda screen: screen.text.count(wanted) >= times
        deadline = time.monotonic() + PATIENCE
        while not condition(self.screen):
            if time.monotonic() > deadline or not self._read():
                raise AssertionError(f"never came: {wanted!r} × {times}; the screen says:\n{self.text}")
        return self.text

    def end(self) -> int:
        """Read until the program has ended; returns its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            if time.monotonic() > deadline:
                raise AssertionError(f"the program does not end; the screen says:\n{self.text}")
        self._child.close()
        if self._child.signalstatus is not None:
            return -int(self._child.signalstatus)
        return int(self._child.exitstatus)

    def _read(self) -> bool:
        """Read once; False where there will never be more."""
        try:
            text = self._child.read_nonblocking(65536, _ONE_READ)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += text
        self.screen.feed(text)
        if self.screen.replies:
            self.type(self.screen.replies)
            self.screen.replies = ""
        return True
