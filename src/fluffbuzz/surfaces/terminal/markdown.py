"""Markdown on a terminal while it streams: finished blocks are printed for good, the last one is drawn live.

A block is finished at an empty line outside a code fence, once a line has begun that does not belong to it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment

REDRAW_EVERY = 0.08
"""Seconds between two drawings of the block that still grows."""


def finished_blocks(text: str) -> int:
    """How many characters of the text, from its beginning, are blocks that no further text can change."""
    fence, cut, position, was_empty = "", 0, 0, False
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        if fence:
            fence = "" if stripped.startswith(fence) and not stripped.strip(fence[0]) else fence
        elif was_empty and stripped and not line[0].isspace():
            cut = position
        if not fence and stripped.startswith(("```", "~~~")):
            fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
        was_empty = not stripped and not fence
        position += len(line)
    return cut


class MarkdownStream:
    """Takes text as it comes and shows it as Markdown; a context, since the live part has to be ended."""

    def __init__(self, console: Console, monotonic: Callable[[], float]) -> None:
        self._console = console
        self._monotonic = monotonic
        self._pending = ""
        self._drawn = 0.0
        self._has_printed = False
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.update("", refresh=True)
        self._live.stop()
        self._print(self._pending)

    def write(self, text: str) -> None:
        """Take more text."""
        self._pending += text
        cut = finished_blocks(self._pending)
        if cut:
            self._live.update("")
            self._print(self._pending[:cut])
            self._pending = self._pending[cut:]
        if cut or self._monotonic() - self._drawn >= REDRAW_EVERY:
            self._drawn = self._monotonic()
            self._live.update(_Tail(self._pending), refresh=True)

    def _print(self, text: str) -> None:
        if not text.strip():
            return
        if self._has_printed:
            self._console.print()
        self._has_printed = True
        self._console.print(Markdown(text.strip("\n")))


class _Tail:
    """A block as Markdown, of which only the last lines are shown that the terminal has room for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(Markdown(self._text), options, pad=False)
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()
