"""The chat: reads messages and commands, shows answers, and stays open whatever an answer does.

Ctrl-C cancels the running answer, whose part is kept; the conversation goes on.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import click

from fluffbuzz import __version__
from fluffbuzz.app import App
from fluffbuzz.core.errors import UsageError
from fluffbuzz.core.messages import user
from fluffbuzz.core.request import Sampling
from fluffbuzz.core.session import CallOutcome, Session
from fluffbuzz.runtime.selection import Selection
from fluffbuzz.runtime.turn import Turn
from fluffbuzz.surfaces.terminal.answer import view
from fluffbuzz.surfaces.terminal.errors import tell
from fluffbuzz.surfaces.terminal.outcome import cancelled_line, closing_line, troubles
from fluffbuzz.surfaces.terminal.plain import dimmed, legible
from fluffbuzz.surfaces.terminal.wording import window_text

SHOWN_ON_RETURN = 2
"""Messages of an earlier conversation that are shown when it is opened again."""


class Chat:
    """One conversation in progress; a session is created with its first message."""

    def __init__(self, app: App, session: Session | None, wanted: str, system: str, *, saves: bool) -> None:
        self.app = app
        self.saves = saves
        self.session = session
        self.wanted = wanted or (session.model if session else "")
        self.system = system
        self.selection: Selection | None = None
        self.is_over = False

    async def open(self) -> None:
        """Find out who answers, and say so.

        Raises:
            FluffBuzzError: nobody can.
        """
        await self.select(self.wanted)
        assert self.selection is not None, "select() sets it or raises"
        model = self.selection.candidate.model
        click.echo(dimmed(f"FluffBuzz {__version__} · {model.ref} · window {window_text(model.window)} · /help"))
        if self.session is not None:
            await self._show_end_of(self.session)

    async def select(self, wanted: str, *, refresh: bool = False) -> None:
        """Choose who answers from now on; empty for the default."""
        known = self.selection
        self.selection = await self.app.selector.select(wanted, refresh=refresh)
        self.wanted = wanted
        if self.selection.notice and (known is None or known.notice != self.selection.notice):
            click.echo(dimmed(self.selection.notice))

    async def say(self, text: str) -> None:
        """Send a message and show its answer."""
        selection = await self._answerer()
        if self.session is None:
            self.session = await self.app.storage.sessions.create(model=self.wanted, system=self.system)
        await self._run(self.app.conversations.ask(self.session, user(text), selection, Sampling()))

    async def retry(self) -> None:
        """Have the last message answered anew."""
        session = self._begun("There is nothing to try again: the conversation has no message yet.")
        await self._run(self.app.conversations.retry(session, await self._answerer(), Sampling()))

    async def take_up(self) -> None:
        """Go on with an unfinished answer."""
        session = self._begun("There is no unfinished answer to continue: the conversation has no message yet.")
        await self._run(self.app.conversations.take_up(session, await self._answerer(), Sampling()))

    async def _answerer(self) -> Selection:
        """Who answers; a background service is asked for anew, since it stops when it is idle."""
        if self.selection is None or self.selection.provider.is_background_service:
            await self.select(self.wanted)
        assert self.selection is not None, "select() sets it or raises"
        return self.selection

    def _begun(self, lacking: str) -> Session:
        if self.session is None:
            raise UsageError(lacking)
        return self.session

    async def _run(self, beginning: Coroutine[Any, Any, Turn]) -> None:
        turn = await beginning
        try:
            await self._show(turn)
        except asyncio.CancelledError:
            click.echo(dimmed(f"\n{cancelled_line(turn, is_kept=self.saves)}"), err=True)
            if turn.storage_trouble is not None:
                tell(turn.storage_trouble)
            raise
        for error in troubles(turn, is_kept=self.saves):
            tell(error)
        if turn.calls and turn.calls[-1].outcome is not CallOutcome.FAILED:
            click.echo(dimmed(closing_line(turn)), err=True)

    async def _show(self, turn: Turn) -> None:
        with view(self.app.storage.clock.monotonic) as shown:
            async with turn:
                async for event in turn:
                    shown.show(event)

    async def _show_end_of(self, session: Session) -> None:
        click.echo(dimmed(legible(f"session {session.id} “{session.title}”, {session.messages} messages")))
        for stored in await self.app.storage.sessions.branch(session.id, SHOWN_ON_RETURN):
            click.echo(dimmed(legible(f"{stored.message.role}: {stored.message.text}")))


async def interruptible(work: Coroutine[Any, Any, None]) -> None:
    """Do it; Ctrl-C ends it, and nothing but it."""
    task = asyncio.ensure_future(work)
    with _on_ctrl_c(task.cancel):
        try:
            await task
        except asyncio.CancelledError:
            if not task.cancelled() or _is_being_cancelled():
                raise


async def found_session(app: App, wanted: str) -> Session:
    """The conversation of that id.

    Raises:
        UsageError: there is none.
    """
    session = await app.storage.sessions.find(wanted)
    if session is None:
        raise UsageError(f"There is no conversation {wanted}.", "See: fluffbuzz sessions list")
    return session


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _on_ctrl_c:  # noqa: N801 -- reads as `with on_ctrl_c(…)`
    """While it is entered, Ctrl-C calls this instead of ending the program."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def __enter__(self) -> None:
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._act)

    def __exit__(self, *_: object) -> None:
        with suppress(NotImplementedError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
