"""`fluffbuzz ask`: one question, the answer alone on standard output, everything else on standard error."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluffbuzz.core.errors import FluffBuzzError, RequestFailed, UsageError
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.messages import system as system_message
from fluffbuzz.core.request import Sampling
from fluffbuzz.surfaces.cli.attachments import MAX_TEXT, compose
from fluffbuzz.surfaces.cli.here import here, run
from fluffbuzz.surfaces.cli.model_refs import complete_model
from fluffbuzz.surfaces.terminal.answer import AnswerView, SilentView, view
from fluffbuzz.surfaces.terminal.errors import tell
from fluffbuzz.surfaces.terminal.fetching import fetch_progress
from fluffbuzz.surfaces.terminal.plain import dimmed, legible_on

if TYPE_CHECKING:
    from fluffbuzz.app import App
    from fluffbuzz.core.messages import Message
    from fluffbuzz.core.session import Session
    from fluffbuzz.runtime.turn import Turn

WHILE_IT_THINKS = 0.02
"""Seconds after which a request is certainly on its way and its answer hardly here."""

_CANCELLED = RequestFailed("Cancelled.", failure=Failure(FailureKind.CANCELLED, "cancelled by the user"))


@dataclass(frozen=True, slots=True)
class Question:
    """Everything the command line says about one question."""

    message: Message
    model: str
    system: str
    sampling: Sampling
    session: str
    continues: bool
    as_json: bool
    streams: bool
    saves: bool


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("words", nargs=-1, metavar="[MESSAGE]...")
@click.option("-m", "--model", default="", metavar="REF", shell_complete=complete_model, help="Who answers.")
@click.option("-s", "--system", default="", help="A system message.")
@click.option("-f", "--file", "files", multiple=True, type=click.Path(path_type=Path), help="Attach a text file.")
@click.option("-i", "--image", "images", multiple=True, type=click.Path(path_type=Path), help="Attach an image.")
@click.option("--temperature", type=click.FloatRange(0), help="How freely to choose tokens (0: always the likeliest).")
@click.option("--max-tokens", type=click.IntRange(1), help="Limit of the answer, in tokens.")
@click.option("--session", default="", metavar="ID", help="Go on with this conversation.")
@click.option("-c", "--continue", "continues", is_flag=True, help="Go on with the latest conversation.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the text.")
@click.option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@click.option("--no-save", is_flag=True, help="Keep nothing of this conversation.")
def ask(
    words: tuple[str, ...],
    model: str,
    system: str,
    files: Sequence[Path],
    images: Sequence[Path],
    temperature: float | None,
    max_tokens: int | None,
    **switches: str | bool,
) -> int:
    """Ask one question; the answer goes to standard output.

    Piped text is added to the message: git diff | fluffbuzz ask "Review this"

    Exit codes: 0 answered, 1 failed, 2 used wrongly, 130 cancelled.
    """
    try:
        question = Question(
            compose(words, _piped(), files, images),
            model,
            system,
            Sampling(temperature=temperature, max_tokens=max_tokens),
            session=str(switches["session"]),
            continues=bool(switches["continues"]),
            as_json=bool(switches["as_json"]),
            streams=not switches["no_stream"],
            saves=not switches["no_save"],
        )
        _check(question)
        return run(_answer(question))
    except FluffBuzzError as error:
        if not switches["as_json"]:
            raise
        from fluffbuzz.surfaces.cli.report import error_report

        click.echo(error_report(error))
        return error.exit_code


def _check(question: Question) -> None:
    if question.session and question.continues:
        raise UsageError("--session and --continue name two different conversations.", "Use one of them.")
    if (question.session or question.continues) and not question.saves:
        raise UsageError("--no-save looks at no stored conversation, so there is none to go on with.")


def _piped() -> str:
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    data = sys.stdin.buffer.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise UsageError(f"Standard input is larger than {MAX_TEXT // 2**20} MiB.")
    return data.decode("utf-8", "replace")


async def _answer(question: Question) -> int:
    from fluffbuzz.app import open_app
    from fluffbuzz.runtime.conversation import check_images

    async with open_app(here(), save=question.saves, fetching=fetch_progress) as app:
        earlier = await _earlier(app, question)
        selection = await app.selector.select(question.model or (earlier.model if earlier else ""))
        if selection.notice:
            click.echo(selection.notice, err=True)
        check_images(question.message, selection.candidate.model)  # before a conversation is begun for it
        session = await _session(app, question, earlier)
        turn = await app.conversations.ask(session, question.message, selection, question.sampling)
        return await _show(turn, question, app)


async def _earlier(app: App, question: Question) -> Session | None:
    """The conversation to go on with; None for a new one."""
    sessions = app.storage.sessions
    if question.session:
        found = await sessions.find(question.session)
        if found is None:
            raise UsageError(f"There is no conversation {question.session}.", "See: fluffbuzz sessions list")
        return found
    latest = await sessions.latest() if question.continues else None
    if question.continues and latest is None:
        raise UsageError("There is no conversation to continue.")
    return latest


async def _session(app: App, question: Question, earlier: Session | None) -> Session:
    """The conversation that the question belongs to, with its system message."""
    sessions = app.storage.sessions
    if earlier is None:
        return await sessions.create(model=question.model, system=question.system)
    if question.system:
        await sessions.append(earlier.id, system_message(question.system))
    return earlier


async def _show(turn: Turn, question: Question, app: App) -> int:
    asyncio.get_running_loop().call_later(WHILE_IT_THINKS, _import_what_comes_after)
    is_kept = question.saves and app.config.storage.save
    try:
        with _view(question, app) as shown:
            async with turn:
                async for event in turn:
                    shown.show(event)
    except asyncio.CancelledError:
        if question.as_json and turn.calls:
            from fluffbuzz.surfaces.cli.report import turn_report

            click.echo(turn_report(turn, is_kept, _CANCELLED))
        if turn.storage_trouble is not None:
            tell(turn.storage_trouble)
        raise
    from fluffbuzz.surfaces.terminal.outcome import troubles

    found = troubles(turn, is_kept=is_kept)
    error = found[0] if found else None
    if question.as_json:
        from fluffbuzz.surfaces.cli.report import turn_report

        click.echo(turn_report(turn, is_kept, error))
    elif not question.streams and (text := turn.reply.first.text):
        click.echo(legible_on(sys.stdout, text), nl=not text.endswith("\n"))
    for each in found[1:] if question.as_json else found:
        tell(each)
    if error is None and (line := _last_line(turn, question)):
        click.echo(dimmed(line), err=True)
    return 0 if error is None else error.exit_code


def _import_what_comes_after() -> None:
    """Import what the end of an answer needs while the server works on its beginning: then it costs nobody time."""
    from fluffbuzz.surfaces.terminal import outcome  # noqa: F401 -- imported for later


def _last_line(turn: Turn, question: Question) -> str:
    """What stands under an answer: its figures on a terminal, elsewhere at most that it was cut short."""
    from fluffbuzz.surfaces.terminal.outcome import closing_line, cut_line

    if sys.stderr.isatty():
        return closing_line(turn)
    return "" if question.as_json else cut_line(turn)


def _view(question: Question, app: App) -> AnswerView:
    if question.as_json or not question.streams:
        return SilentView()
    return view(app.storage.clock.monotonic)
