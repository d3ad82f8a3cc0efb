"""Completion of model references from what is stored, without asking any server."""

from __future__ import annotations

import click


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 -- click's protocol
    """The known references that begin with what was typed; none where anything is amiss."""
    from fluffbuzz.core.errors import FluffBuzzError
    from fluffbuzz.surfaces.cli.here import run

    try:
        return [ref for ref in run(_known()) if ref.startswith(incomplete)]
    except FluffBuzzError:
        return []


async def _known() -> list[str]:
    from fluffbuzz.app import open_app
    from fluffbuzz.surfaces.cli.here import here

    async with open_app(here()) as app:
        listings = [app.catalog.known(service) for service in app.services]
        return [str(model.ref) for listing in listings for model in listing.models]
