"""The `fluffbuzz` command itself: its subcommands by name, and how everything that can go wrong is told.

Exit codes: 0 done, 1 failed, 2 used wrongly, 130 cancelled. No traceback reaches a user unless `--debug` asks for it.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from fluffbuzz import __version__
from fluffbuzz.core.errors import FluffBuzzError
from fluffbuzz.surfaces.terminal.errors import tell, tell_bug

CANCELLED = 130

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_COMMANDS = {
    "ask": "ask:ask",
    "chat": "chat:chat",
    "completion": "completion:completion",
    "config": "config:config",
    "embedded": "embedded:embedded",
    "models": "models:models",
    "sessions": "sessions:sessions",
    "status": "status:status",
}


class _LazyGroup(click.Group):
    """Knows its commands by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's protocol
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"fluffbuzz.surfaces.cli.{module}"), name)
        return command

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from fluffbuzz.surfaces.terminal.listing_text import opt_in_text  # only help pays for it

        super().format_help_text(ctx, formatter)
        with formatter.indentation():
            formatter.write_paragraph()
            formatter.write_text(opt_in_text())


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="fluffbuzz %(version)s")
@click.option("--debug", is_flag=True, help="Add the technical story to errors.")
def program(debug: bool) -> None:  # noqa: FBT001 -- click passes options by name
    """Chat with language models on your own machine."""
    if debug:
        os.environ["FLUFFBUZZ_DEBUG"] = "1"


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error is told on standard error.

    Raises:
        SystemExit: nobody reads our output any more (click sees to the silence), or a shell's completion was answered.
    """
    _prepare_output()
    try:
        code = program.main(list(arguments), prog_name="fluffbuzz", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return CANCELLED
    except FluffBuzzError as error:
        tell(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a bug is told, not shown as a traceback
        if isinstance(error, OSError) and error.errno in _FULL:
            _tell_full(error)
        else:
            tell_bug(error)
        return 1


def _tell_full(error: OSError) -> None:
    """Files are the adapters' matter; what is left is what standard output was sent to."""
    tell(
        FluffBuzzError(
            f"The output cannot be written: {error.strerror}.", "Free some space there, or send it elsewhere."
        )
    )
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- Python writes the rest at its end


def _prepare_output() -> None:
    """A character that the output's encoding lacks becomes a ? instead of ending an answer; closed output is none."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- stays open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- as above
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
