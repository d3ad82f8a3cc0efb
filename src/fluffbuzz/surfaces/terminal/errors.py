"""How an error is told: what happened, what to do next, and with `--debug` the technical story.

Rule: a bug's words and a traceback are a library's as much as ours, so every secret that is known here is taken out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import click

from fluffbuzz.core.credential import Secret, hide
from fluffbuzz.core.errors import FluffBuzzError
from fluffbuzz.surfaces.terminal.plain import alarming, legible

_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS")
"""How the names of environment variables end that hold secrets, those of libraries (a model hub's token) included."""


def is_debugging() -> bool:
    """Whether `--debug` (or FLUFFBUZZ_DEBUG) asks for the technical story."""
    return bool(os.environ.get("FLUFFBUZZ_DEBUG"))


def tell(error: FluffBuzzError) -> None:
    """Write an error for a person: what happened, and what to do next."""
    click.echo(alarming(legible(f"error: {error.message}")), err=True)
    if error.next_step:
        click.echo(legible(error.next_step), err=True)
    if is_debugging():
        if error.detail:
            click.echo(legible(f"detail: {discreet(error.detail)}"), err=True)
        _tell_traceback(error)


def tell_bug(error: Exception) -> None:
    """Write that FluffBuzz itself is at fault."""
    words = discreet(f"{type(error).__name__}: {error}")
    click.echo(alarming(legible(f"error: FluffBuzz has a fault here ({words}).")), err=True)
    if is_debugging():
        _tell_traceback(error)
    else:
        click.echo("Please report it with what this adds: fluffbuzz --debug …", err=True)


def discreet(words: str) -> str:
    """Words that may be a library's, without the secrets of the environment and the configuration."""
    found = [*_in_environment(os.environ), *_in_configuration()]
    quoted = [Secret(ascii(secret.reveal())[1:-1]) for secret in found]  # as a `repr` of it shows it
    return hide([*found, *quoted], words)


def _tell_traceback(error: Exception) -> None:
    import traceback  # only a failure that is being looked into needs it

    click.echo(legible(discreet("".join(traceback.format_exception(error)))), err=True, nl=False)


def _in_environment(env: Mapping[str, str]) -> Iterable[Secret]:
    return [Secret(value) for name, value in env.items() if name.upper().endswith(_SECRET_NAMES)]


def _in_configuration() -> Iterable[Secret]:
    """Every configured secret; none where the configuration cannot be read, for then none was in use."""
    from fluffbuzz.app import place, read_config  # only a bug or `--debug` pays for it
    from fluffbuzz.config.places import home_dir

    try:
        config = read_config(place(os.environ, home_dir(os.environ)))
    except Exception:  # noqa: BLE001 -- an error is being told: a second one must not take its place
        return []
    providers = config.providers.values()
    keys = [provider.api_key for provider in providers if provider.api_key]
    headers = [secret for provider in providers for secret in provider.headers.values()]
    rows = [secret for provider in providers for row in provider.rows for secret in row.headers.values()]
    return [*keys, *headers, *rows, *_in_environment(config.environment)]
