"""Completion of model references from what is stored, without asking any server and without making any file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from fluffbuzz.core.deadlines import Deadlines
    from fluffbuzz.ports import HttpRequest


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 -- click's protocol
    """The known references that begin with what was typed; none where anything is amiss."""
    from fluffbuzz.core.errors import FluffBuzzError
    from fluffbuzz.surfaces.cli.here import run

    try:
        return [ref for ref in run(_known()) if ref.startswith(incomplete)]
    except FluffBuzzError:
        return []


async def _known() -> list[str]:
    from fluffbuzz.adapters.sqlite.database import FILE_NAME
    from fluffbuzz.app import open_storage, read_config
    from fluffbuzz.runtime.catalog import Catalog
    from fluffbuzz.runtime.services import services
    from fluffbuzz.surfaces.cli.here import here

    where = here()
    config = read_config(where)
    is_kept = config.storage.save and (where.state_dir / FILE_NAME).exists()
    async with open_storage(where, save=is_kept) as storage:
        catalog = Catalog(_Nobody(), storage.catalog, storage.clock)
        listings = [catalog.known(service) for service in services(config, profiles={})]
    return [str(model.ref) for listing in listings for model in listing.models]


class _Nobody:
    """A transport for whoever asks no server."""

    def open(self, request: HttpRequest, deadlines: Deadlines) -> NoReturn:  # noqa: ARG002 -- the port's signature
        """Nothing is sent while a line is typed."""
        raise AssertionError("completion asks nobody")
