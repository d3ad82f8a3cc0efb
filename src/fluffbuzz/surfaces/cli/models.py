"""`fluffbuzz models`: what the user's servers serve, how it was found out, and what is wrong where it was not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from fluffbuzz.core.errors import UsageError
from fluffbuzz.surfaces.cli.here import here, run

if TYPE_CHECKING:
    from fluffbuzz.app import App
    from fluffbuzz.core.models import Model
    from fluffbuzz.runtime.catalog import Listing
    from fluffbuzz.runtime.services import Service


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
        match form:
            case "json":
                listings = await app.catalog.listings(chosen, refresh=refresh)
                _print_json(app, listings)
            case "plain":
                listings = await app.catalog.listings(chosen, refresh=refresh)
                _print_plain(app, listings)
            case _:
                listings = await _print_blocks(app, chosen, refresh=refresh)
        now = app.storage.clock.now()
    return 0 if listings and not any(problem(listing, now) for listing in listings) else 1


def _print_plain(app: App, listings: Sequence[Listing]) -> None:
    from fluffbuzz.surfaces.terminal.listing_text import problem

    now = app.storage.clock.now()
    for listing in listings:
        for model in listing.models:
            click.echo(str(model.ref))
        if text := problem(listing, now):
            click.echo(text, err=True)


async def _print_blocks(app: App, services: Sequence[Service], *, refresh: bool) -> Sequence[Listing]:
    """Print what each service has as soon as that is known: a slow one keeps no other from being read."""
    from fluffbuzz.surfaces.terminal.listing_text import no_service_text

    if not services:
        click.echo(no_service_text(), err=True)
    is_later = False

    async def shown(service: Service) -> Listing:
        nonlocal is_later
        listing = await app.catalog.listing(service, refresh=refresh)
        is_later |= _print_block(listing, app.storage.clock.now(), is_later=is_later)
        return listing

    return await asyncio.gather(*map(shown, services))


def _print_block(listing: Listing, now: float, *, is_later: bool) -> bool:
    """Print one service's models and how they are known; whether any of it went to standard output."""
    from fluffbuzz.surfaces.terminal.listing_text import model_row, problem, service_line
    from fluffbuzz.surfaces.terminal.table import table

    wrong = problem(listing, now)
    is_written = bool(listing.models or not wrong)
    if is_later and is_written:
        click.echo()
    if listing.models:
        click.echo(table(("MODEL", "WINDOW", "INPUT", "NOTES"), list(map(model_row, listing.models))))
    click.echo(wrong or service_line(listing, now), err=bool(wrong))
    return is_written


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
        "problem": problem(listing, now) or None,
    }
