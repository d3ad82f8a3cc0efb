"""The chat's commands: a table of name, explanation and what is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches

import click

from fluffbuzz.core.errors import UsageError
from fluffbuzz.core.messages import Role, system
from fluffbuzz.surfaces.terminal.listing_text import no_service_text, problem
from fluffbuzz.surfaces.terminal.plain import dimmed, legible
from fluffbuzz.surfaces.terminal.status_text import config_lines, status_lines
from fluffbuzz.surfaces.terminal.table import table
from fluffbuzz.surfaces.terminal.wording import moment_text, window_text
from fluffbuzz.surfaces.tui.chat import Chat, found_session

SESSIONS_SHOWN = 15
"""Conversations that `/sessions` lists."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: how it is written, what it is for, and what it does with the text after it."""

    usage: str
    purpose: str
    act: Callable[[Chat, str], Awaitable[None]]


async def _help(chat: Chat, _: str) -> None:
    del chat
    click.echo(table(("COMMAND", "WHAT IT DOES"), [(each.usage, each.purpose) for each in COMMANDS.values()]))
    click.echo("Enter sends, Alt-Enter begins a new line. Ctrl-C cancels an answer, Ctrl-D leaves.")


async def _model(chat: Chat, wanted: str) -> None:
    if wanted:
        await chat.select("" if wanted == "default" else wanted)
        if chat.session is not None:
            await chat.app.storage.sessions.select_model(chat.session.id, chat.wanted)
    if chat.selection is not None:
        model = chat.selection.candidate.model
        click.echo(f"{model.ref} · window {window_text(model.window)}")


async def _models(chat: Chat, argument: str) -> None:
    listings = await chat.app.catalog.listings(chat.app.services, refresh=argument == "--refresh")
    current = chat.selection.candidate.model.ref if chat.selection else None
    now = chat.app.storage.clock.now()
    for listing in listings:
        for model in listing.models:
            mark = "*" if model.ref == current else " "
            click.echo(f"{mark} {model.ref} · window {window_text(model.window)}")
        if wrong := problem(listing, now):
            click.echo(wrong, err=True)
    if not listings:
        click.echo(no_service_text(), err=True)


async def _status(chat: Chat, _: str) -> None:
    session = await found_session(chat.app, chat.session.id) if chat.session else None
    snapshot = await chat.app.observer.snapshot(chat.app.storage.catalog, session, chat.wanted)
    for line in (*status_lines(snapshot, chat.app.storage.clock.now()), *config_lines(chat.app.config)):
        click.echo(line)


async def _new(chat: Chat, _: str) -> None:
    chat.session = None
    click.echo(dimmed("a new conversation"))


async def _exit(chat: Chat, _: str) -> None:
    chat.is_over = True


async def _retry(chat: Chat, _: str) -> None:
    await chat.retry()


async def _continue(chat: Chat, _: str) -> None:
    await chat.take_up()


async def _system(chat: Chat, text: str) -> None:
    if not text:
        click.echo(await _system_text(chat) or "no system message")
        return
    chat.system = text
    if chat.session is not None:
        await chat.app.storage.sessions.append(chat.session.id, system(text))


async def _system_text(chat: Chat) -> str:
    if chat.session is None:
        return chat.system
    branch = await chat.app.storage.sessions.branch(chat.session.id)
    return next((each.message.text for each in reversed(branch) if each.message.role is Role.SYSTEM), "")


async def _sessions(chat: Chat, wanted: str) -> None:
    if wanted:
        session = await found_session(chat.app, wanted)
        await chat.select(session.model)
        chat.session = session
        click.echo(legible(f"session {session.id} “{session.title}”, {session.messages} messages"))
        return
    found = await chat.app.storage.sessions.sessions(SESSIONS_SHOWN)
    rows = [(each.id, moment_text(each.updated), str(each.messages), legible(each.title)) for each in found]
    click.echo(table(("ID", "USED", "MESSAGES", "TITLE"), rows) if rows else "No conversations yet.")


COMMANDS = {
    "/help": Command("/help", "show this list", _help),
    "/model": Command("/model [REF|default]", "show or choose who answers in this conversation", _model),
    "/models": Command("/models [--refresh]", "list the models that can answer", _models),
    "/status": Command("/status", "provider, key source, tokens, context, session", _status),
    "/new": Command("/new", "begin a new conversation", _new),
    "/retry": Command("/retry", "have the last message answered anew", _retry),
    "/continue": Command("/continue", "go on with an unfinished answer where it stops", _continue),
    "/system": Command("/system [TEXT]", "show or set the system message", _system),
    "/sessions": Command("/sessions [ID]", "list conversations, or go on with one", _sessions),
    "/exit": Command("/exit", "leave (also Ctrl-D)", _exit),
}


async def perform(chat: Chat, line: str) -> None:
    """Perform a line that begins with a slash.

    Raises:
        UsageError: there is no such command; the message proposes the nearest.
    """
    name, _, argument = line.partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        near = get_close_matches(name, COMMANDS, n=1)
        raise UsageError(f"There is no command {name}.", f"Did you mean {near[0]}?" if near else "See: /help")
    await command.act(chat, argument.strip())
