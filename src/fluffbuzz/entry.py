"""The `fluffbuzz` command's first lines: the version is told before anything else of FluffBuzz is imported."""

from __future__ import annotations

import gc
import sys

from fluffbuzz import __version__


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"fluffbuzz {__version__}\n")
        return
    gc.disable()  # imports make no garbage, and looking for it while they run takes a tenth of the start
    from fluffbuzz.surfaces.cli.program import run

    code = run(sys.argv[1:])
    gc.freeze()  # what is left goes with the process; looking through it once more takes a tenth of the whole
    sys.exit(code)
