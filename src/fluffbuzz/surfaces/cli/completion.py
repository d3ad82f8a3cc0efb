"""`fluffbuzz completion`: the lines that make a shell complete commands, options and model references."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from fluffbuzz.core.errors import UsageError


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    bash: fluffbuzz completion bash > ~/.local/share/bash-completion/completions/fluffbuzz
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"There is no completion for {shell}.")
    root = ctx.find_root().command
    click.echo(kind(root, {}, "fluffbuzz", "_FLUFFBUZZ_COMPLETE").source())
