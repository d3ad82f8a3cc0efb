"""`fluffbuzz chat`: starts the conversation on the terminal."""

from __future__ import annotations

import click

from fluffbuzz.surfaces.cli.here import here, run
from fluffbuzz.surfaces.cli.model_refs import complete_model


@click.command()
@click.option("-m", "--model", default="", metavar="REF", shell_complete=complete_model, help="Who answers.")
@click.option("-s", "--system", default="", help="A system message.")
@click.option("--session", default="", metavar="ID", help="Go on with this conversation.")
@click.option("--no-save", is_flag=True, help="Keep nothing of this conversation.")
def chat(model: str, system: str, session: str, no_save: bool) -> int:  # noqa: FBT001 -- click passes options by name
    """Hold a conversation; /help lists its commands."""
    from fluffbuzz.surfaces.tui.loop import converse

    return run(converse(here(), session=session, model=model, system=system, save=not no_save))
