"""`fluffbuzz models`: what the user's servers serve, how it was found out, and what is wrong where it was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from fluffbuzz.core.errors import UsageError
from fluffbuzz.surfaces.cli.here import here, run

if TYPE_CHECKING:
    from fluffbuzz.app import App
    from fluffbuzz.core.models import Model
    from fluffbuzz.runtime.catalog import Listing


@click.group()
def models() -> None:
    """See the models that can be talked to."""


@models.command("list")
@click.option("--provider", default="", metavar="ID", help="Only this provider's models.")
@click.option("--refresh", is_flag=True, help="Ask the servers now, whatever is stored.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--plain", is_flag=True, help="Print the references alone, one a line.")
def list_models(provider: str, refresh: bool, as_json: bool, plain: bool) -> int:  # noqa: FBT001 -- click passes options by name
    """List models with their windows; a server that cannot be asked says why.

    Exit codes: 0 listed, 1 at least one server could not be asked or there is nothing to list.
    """
    return run(_list(provider.lower(), "json" if as_json else "plain" if plain else "table", refresh=refresh))


async def _list(provider: str, form: str, *, refresh: bool) -> int:
    from fluffbuzz.app import open_app
    from fluffbuzz.surfaces.terminal.listing_text import problem

    async with open_app(here()) as app:
        chosen = [service for service in app.services if provider in ("", service.id)]
        if provider and not chosen:
            known = ", ".join(service.id for service in app.services) or "none"
            raise UsageError(f"Provider {provider} is not set up.", f"Set up now: {known}")
        listings = await app.catalog.listings(chosen, refresh=refresh)
        match form:
            case "json":
                _print_json(app, listings)
            case "plain":
                _print_plain(listings)
            case _:
                _print_table(app, listings)
    return 0 if listings and not any(map(problem, listings)) else 1


def _print_plain(listings: Sequence[Listing]) -> None:
    from fluffbuzz.surfaces.terminal.listing_text import problem

    for listing in listings:
        for model in listing.models:
            click.echo(str(model.ref))
        if text := problem(listing):
            click.echo(text, err=True)


def _print_table(app: App, listings: Sequence[Listing]) -> None:
    from fluffbuzz.surfaces.terminal.listing_text import model_row, no_service_text, problem, service_line
    from fluffbuzz.surfaces.terminal.table import table

    now = app.storage.clock.now()
    rows = [model_row(model) for listing in listings for model in listing.models]
    if rows:
        click.echo(table(("MODEL", "WINDOW", "INPUT", "NOTES"), rows))
    for listing in listings:
        click.echo(problem(listing) or service_line(listing, now), err=bool(problem(listing)))
    if not listings:
        click.echo(no_service_text(), err=True)


def _print_json(app: App, listings: Sequence[Listing]) -> None:
    from fluffbuzz.surfaces.cli.json_output import render_json

    now = app.storage.clock.now()
    found = [_model_report(model) for listing in listings for model in listing.models]
    click.echo(
        render_json(
            {"count": len(found), "models": found, "providers": [_service_report(each, now) for each in listings]}
        )
    )


def _model_report(model: Model) -> dict[str, Any]:
    return {
        "key": str(model.ref),
        "name": model.name,
        "input": "+".join(sorted(model.input, reverse=True)) if model.input else None,
        "contextWindow": model.window.tokens if model.window else None,
        "contextWindowSource": model.window.source if model.window else None,
        "tags": _tags(model),
    }


def _tags(model: Model) -> list[str]:
    facts = {"configured": model.is_configured, "adapter": bool(model.parent), "no-chat": not model.is_chat}
    return [tag for tag, holds in facts.items() if holds]


def _service_report(listing: Listing, now: float) -> dict[str, Any]:
    from fluffbuzz.surfaces.terminal.listing_text import problem

    discovery = listing.discovery
    return {
        "provider": listing.service.id,
        "baseUrl": listing.service.endpoint.base_url,
        "discovery": discovery.outcome if discovery else "off",
        "status": discovery.status if discovery else None,
        "ageSeconds": round(now - discovery.at, 1) if discovery else None,
        "problem": problem(listing) or None,
    }
