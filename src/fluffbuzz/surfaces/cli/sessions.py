"""`fluffbuzz sessions`: the conversations that are kept, to list, read, search, export and delete."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fluffbuzz.core.errors import UsageError
from fluffbuzz.surfaces.cli.here import here, run

if TYPE_CHECKING:
    from fluffbuzz.core.session import Session
    from fluffbuzz.ports import SessionStore

MOST = 1_000_000
"""Sessions that are listed where no limit is given."""


@click.group()
def sessions() -> None:
    """List, show, search, export and delete conversations."""


@sessions.command("list")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.option("--all", "all_of_them", is_flag=True, help="All of them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_sessions(limit: int, all_of_them: bool, as_json: bool) -> None:  # noqa: FBT001 -- click passes options by name
    """List conversations, used last first."""
    run(_list(MOST if all_of_them else limit, as_json=as_json))


async def _list(limit: int, *, as_json: bool) -> None:
    from fluffbuzz.app import open_storage
    from fluffbuzz.surfaces.cli.session_export import session_report
    from fluffbuzz.surfaces.terminal.table import table

    async with open_storage(here()) as storage:
        found = await storage.sessions.sessions(limit)
    if as_json:
        from fluffbuzz.surfaces.cli.json_output import render_json

        click.echo(render_json([session_report(session) for session in found]))
        return
    rows = [_row(each) for each in found]
    click.echo(table(("ID", "USED", "MESSAGES", "MODEL", "TITLE"), rows) if rows else "No conversations yet.")


def _row(session: Session) -> tuple[str, ...]:
    from fluffbuzz.surfaces.terminal.plain import legible
    from fluffbuzz.surfaces.terminal.wording import moment_text

    messages, model, title = str(session.messages), session.model or "–", legible(session.title)
    return session.id, moment_text(session.updated), messages, model, title


@sessions.command()
@click.argument("session", metavar="ID")
@click.option("--all-branches", is_flag=True, help="Also answers that were tried again.")
def show(session: str, all_branches: bool) -> None:  # noqa: FBT001 -- as above
    """Read a conversation; ID may be a unique beginning of it."""
    run(_export(session, "md", all_branches=all_branches))


@sessions.command()
@click.argument("session", metavar="ID")
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "json"]),
    default="md",
    show_default=True,
    help="To read, or for programs.",
)
@click.option("--all-branches", is_flag=True, help="Also answers that were tried again (JSON has all in any case).")
def export(session: str, form: str, all_branches: bool) -> None:  # noqa: FBT001 -- as above
    """Write a conversation to standard output, as Markdown or JSON."""
    run(_export(session, form, all_branches=all_branches))


async def _export(wanted: str, form: str, *, all_branches: bool) -> None:
    from fluffbuzz.app import open_storage
    from fluffbuzz.surfaces.cli import session_export
    from fluffbuzz.surfaces.terminal.plain import legible_on

    async with open_storage(here()) as storage:
        session = await _found(storage.sessions, wanted)
        if form == "json":
            everything = await storage.sessions.everything(session.id)
            turns = await storage.sessions.turns(session.id)
            click.echo(session_export.as_json(session, everything, turns))
            return
        read = storage.sessions.everything if all_branches else storage.sessions.branch
        click.echo(legible_on(sys.stdout, session_export.as_markdown(session, await read(session.id))))


@sessions.command()
@click.argument("text")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def search(text: str, limit: int, as_json: bool) -> int:  # noqa: FBT001 -- as above
    """Find messages that contain a text, in any script, parts of words too.

    Exit codes: 0 found, 1 nothing found.
    """
    return run(_search(text, limit, as_json=as_json))


async def _search(text: str, limit: int, *, as_json: bool) -> int:
    from fluffbuzz.app import open_storage
    from fluffbuzz.surfaces.cli.json_output import render_json
    from fluffbuzz.surfaces.terminal.plain import legible
    from fluffbuzz.surfaces.terminal.wording import moment_text

    if not text.strip():
        raise UsageError("There is nothing to search for.")
    async with open_storage(here()) as storage:
        hits = await storage.sessions.search(text, limit)
    if as_json:
        fields = ("session", "title", "message", "role", "created", "excerpt")
        click.echo(render_json([{name: getattr(hit, name) for name in fields} for hit in hits]))
    else:
        for hit in hits:
            excerpt = legible(" ".join(hit.excerpt.split()))
            click.echo(f"{hit.session}  {moment_text(hit.created)}  {hit.role}: {excerpt}")
        if not hits:
            click.echo(f"No message contains “{text}”.", err=True)
    return 0 if hits else 1


@sessions.command()
@click.argument("session", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(session: str, yes: bool) -> None:  # noqa: FBT001 -- as above
    """Delete a conversation for good."""
    run(_delete(session, yes=yes))


async def _delete(wanted: str, *, yes: bool) -> None:
    from fluffbuzz.app import open_storage

    async with open_storage(here()) as storage:
        session = await _found(storage.sessions, wanted)
        if not yes:
            question = f"Delete “{session.title}” ({session.id}, {session.messages} messages) for good?"
            click.confirm(question, abort=True, err=True)
        await storage.sessions.delete(session.id)
    click.echo(f"Deleted {session.id}.", err=True)


async def _found(store: SessionStore, wanted: str) -> Session:
    session = await store.find(wanted)
    if session is None:
        raise UsageError(f"There is no conversation {wanted}.", "See: fluffbuzz sessions list")
    return session
