"""How an answer is shown while it arrives: as plain text in a pipe, as Markdown with a spinner on a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Protocol, Self

from fluffbuzz.core.events import Event, TextDelta, ThinkingDelta
from fluffbuzz.surfaces.terminal.plain import has_cursor, legible, legible_on

if TYPE_CHECKING:
    from rich.status import Status

    from fluffbuzz.surfaces.terminal.markdown import MarkdownStream


class AnswerView(Protocol):
    """Shows the events of one answer."""

    def show(self, event: Event) -> None:
        """Take the next event."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


def view(monotonic: Callable[[], float]) -> AnswerView:
    """What fits where standard output goes."""
    if sys.stdout.isatty() and has_cursor():
        return TerminalView(monotonic)
    return PlainView(sys.stdout)


class PlainView:
    """The answer's text alone, as it comes, and a line end after it."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._last = ""

    def show(self, event: Event) -> None:
        """Write the text of the first choice at once."""
        if isinstance(event, TextDelta) and event.choice == 0:
            self._out.write(legible_on(self._out, event.text))
            self._out.flush()
            self._last = event.text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last and not self._last.endswith("\n"):
            self._out.write("\n")
            self._out.flush()


class SilentView:
    """Shows nothing while it arrives."""

    def show(self, event: Event) -> None:
        """Pass over it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class TerminalView:
    """Markdown as it streams; before the first text a spinner that tells how long the wait has been."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._started = monotonic()
        self._stack = ExitStack()
        self._status: Status | None = None
        self._text: MarkdownStream | None = None
        self._word = "waiting"

    def __enter__(self) -> Self:
        from rich.console import Console  # rich costs time that pipes need not pay

        from fluffbuzz.surfaces.terminal.quiet import without_echo

        self._stack.enter_context(without_echo())
        console = Console(stderr=True)
        self._status = self._stack.enter_context(console.status(_Elapsed(self), spinner="dots"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def show(self, event: Event) -> None:
        """Draw the text of the first choice; thinking only changes what the spinner says."""
        match event:
            case ThinkingDelta(_, 0):
                self._word = "thinking"
            case TextDelta(text, 0):
                self._markdown().write(legible(text))
            case _:
                pass

    def _markdown(self) -> MarkdownStream:
        if self._text is None:
            from rich.console import Console  # as above

            from fluffbuzz.surfaces.terminal.markdown import MarkdownStream

            if self._status is not None:
                self._status.stop()
            later = asyncio.get_running_loop().call_later
            self._text = self._stack.enter_context(MarkdownStream(Console(), self._monotonic, later))
        return self._text

    def waiting(self) -> str:
        """What the spinner says at this moment."""
        return f"{self._word} … {self._monotonic() - self._started:.0f} s"


class _Elapsed:
    """A text that is worked out anew whenever it is drawn."""

    def __init__(self, view: TerminalView) -> None:
        self._view = view

    def __rich__(self) -> str:
        return self._view.waiting()
