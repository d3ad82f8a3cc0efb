"""The chat from its first line to its last."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from fluffbuzz.app import App, Place, open_app
from fluffbuzz.core.errors import FluffBuzzError
from fluffbuzz.core.messages import system as system_message
from fluffbuzz.surfaces.terminal.errors import tell
from fluffbuzz.surfaces.terminal.fetching import fetch_progress
from fluffbuzz.surfaces.tui.chat import Chat, found_session, interruptible
from fluffbuzz.surfaces.tui.commands import perform


async def converse(where: Place, *, session: str, model: str, system: str, save: bool) -> int:
    """Run a chat until the user leaves; returns the exit code.

    Raises:
        FluffBuzzError: it could not begin.
    """
    async with open_app(where, save=save, fetching=fetch_progress) as app:
        earlier = await found_session(app, session) if session else None
        chat = Chat(app, earlier, model, system, saves=save and app.config.storage.save)
        await chat.open()
        if earlier is not None and system:
            await app.storage.sessions.append(earlier.id, system_message(system))
        async for line in _lines(app, keeps_history=save and app.config.chat.history):
            await _take(chat, line)
            if chat.is_over:
                break
    return 0


async def _take(chat: Chat, line: str) -> None:
    text = line.strip()
    if not text:
        return
    try:
        await interruptible(perform(chat, text) if text.startswith("/") else chat.say(text))
    except FluffBuzzError as error:
        tell(error)


async def _lines(app: App, *, keeps_history: bool) -> AsyncIterator[str]:
    if not sys.stdin.isatty():
        from fluffbuzz.surfaces.tui.prompt import piped_messages

        for line in piped_messages():
            yield line
        return
    from fluffbuzz.surfaces.tui.prompt import typed_messages

    refs = [str(model.ref) for service in app.services for model in app.catalog.known(service).models]
    async for line in typed_messages(app.place.state_dir, refs, keeps_history=keeps_history):
        yield line
