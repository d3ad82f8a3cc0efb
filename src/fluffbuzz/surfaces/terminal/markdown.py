"""Markdown on a terminal while it streams: finished blocks are printed for good, the last one is drawn live.

A block is finished at an empty line outside a code fence, once a line has begun that does not belong to it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment

REDRAW_EVERY = 0.08
"""Seconds between two drawings of the block that still grows."""

REDRAW_SHARE = 4
"""A drawing that takes long is followed by a pause so many times as long: a long block must not hold up the stream."""


def finished_blocks(text: str) -> int:
    """How many characters of the text, from its beginning, are blocks that no further text can change."""
    fence, cut, position, was_empty = "", 0, 0, False
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        if fence:
            fence = "" if stripped.startswith(fence) and not stripped.strip(fence[0]) else fence
        else:
            if was_empty and stripped and not line[0].isspace():
                cut = position
            if stripped.startswith(("```", "~~~")):
                fence = stripped[: len(stripped) - len(stripped.lstrip(stripped[0]))]
        was_empty = not stripped and not fence
        position += len(line)
    return cut


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Has something done after so many seconds, such as an event loop's `call_later`."""


class MarkdownStream:
    """Takes text as it comes and shows it as Markdown; a context, since the live part has to be ended."""

    def __init__(self, console: Console, monotonic: Callable[[], float], later: Later) -> None:
        self._console = console
        self._monotonic = monotonic
        self._later = later
        self._timer: Timer | None = None
        self._pending = ""
        self._next_drawing = 0.0
        self._has_printed = False
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget_timer()
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
        wait = 0 if cut else self._next_drawing - self._monotonic()
        if wait <= 0:
            self._draw()
        elif self._timer is None:  # what comes now is seen soon, even if nothing follows it for long
            self._timer = self._later(wait, self._draw)

    def _draw(self) -> None:
        self._forget_timer()
        started = self._monotonic()
        self._live.update(_Tail(self._pending), refresh=True)
        ended = self._monotonic()
        self._next_drawing = ended + max(REDRAW_EVERY, REDRAW_SHARE * (ended - started))

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _print(self, text: str) -> None:
        if not text.strip():
            return
        if self._has_printed:
            self._console.print()
        self._has_printed = True
        self._console.print(_Document(text.strip("\n")))


_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).disable(["image", "reference"])


class _Document(Markdown):
    """Markdown of which nothing is lost: tags, addresses, image links, references and line ends are all shown."""

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = list(map(_with_line_ends, _PARSER.parse(text)))


def _with_line_ends(token: Token) -> Token:
    for child in token.children or ():
        if child.type == "softbreak":
            child.type = "hardbreak"
    return token


class _Tail:
    """A block as Markdown, of which only the last lines are shown that the terminal has room for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(_Document(self._text), options, pad=False)
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()
