"""Finding the service, starting it where there is none, ending it: always one, however many processes want it at once.

Rule: everything here happens under the launch lock, and whether a service lives is asked of the operating system (it
holds a lock for as long as it lives), never of a file that a dead one may have left.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fluffbuzz import __version__
from fluffbuzz.adapters.embedded import start, state
from fluffbuzz.adapters.embedded.health import answers
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.locks import LockBusy, holding, is_held
from fluffbuzz.adapters.embedded.start import SERVICE_COMMAND
from fluffbuzz.adapters.embedded.state import ServiceState
from fluffbuzz.adapters.embedded.weights import Weights, installed
from fluffbuzz.core.errors import FluffBuzzError

POLL_SECONDS = 0.02
DEFAULT_IDLE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds.

    Attributes:
        lock: waiting for other processes that look for, start or end the service.
        start: from nothing to an answer; loading takes under a second where the machine has one to spare.
        health: for a running service to say that it is well.
        stop: for a service to end after it was asked to; running answers get some of it.
        kill: for a killed process to be gone.
    """

    lock: float = 240.0
    start: float = 120.0
    health: float = 10.0
    stop: float = 20.0
    kill: float = 5.0


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand; `state` is None where no service runs, `is_well` whether the one that runs answers."""

    weights: Weights | None
    state: ServiceState | None
    is_running: bool
    is_well: bool
    log: Path


def check_installed() -> None:
    """Raises FluffBuzzError where the package that serves the model is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        what = "The embedded model needs a package that is not installed: xllamacpp."
        step = "Install FluffBuzz with its extra: pip install '.[embedded]' in the checkout (or pipx install --force)."
        raise FluffBuzzError(what, f"{step} Or use a server of your own: export VLLM_API_KEY=anything")


async def ensure_running(
    data_dir: Path,
    env: Mapping[str, str],
    *,
    idle_seconds: float = DEFAULT_IDLE_SECONDS,
    command: Sequence[str] = SERVICE_COMMAND,
    limits: Limits = Limits(),
) -> ServiceState:
    """The running service of the installed weights; started if need be. From now on it is idle for 0 seconds.

    Raises:
        FluffBuzzError: there are no weights, or it does not start; the message has the end of its log.
    """
    layout = Layout(data_dir)
    layout.make()
    async with _launching(layout, limits):
        weights = installed(layout)
        if weights is None:
            what = "The embedded model has not been fetched yet."
            raise FluffBuzzError(what, "Fetch it, once: fluffbuzz embedded pull")
        layout.used.touch()
        running = await _answering(layout, limits)
        if running is not None and _serves(running, weights):
            return running
        await _end(layout, limits)
        return await start.until_ready(layout, env, idle_seconds, command, limits.start)


async def status(data_dir: Path, limits: Limits = Limits()) -> Status:
    """How things stand, without changing anything or waiting for anybody."""
    layout = Layout(data_dir)
    is_running = is_held(layout.service_lock)
    running = state.read(layout) if is_running else None
    is_well = running is not None and await answers(running.base_url, limits.health)
    return Status(installed(layout), running, is_running, is_well, layout.service_log)


async def stop(data_dir: Path, limits: Limits = Limits()) -> bool:
    """End the service, letting running answers end for a while; False where none was running.

    Raises:
        FluffBuzzError: it cannot be ended.
    """
    layout = Layout(data_dir)
    if not layout.is_made():
        return False
    async with _launching(layout, limits):
        was_running = is_held(layout.service_lock)
        await _end(layout, limits)
        return was_running


@asynccontextmanager
async def _launching(layout: Layout, limits: Limits) -> AsyncIterator[None]:
    try:
        async with holding(layout.launch_lock, limits.lock):
            yield
    except LockBusy:
        what = f"Other processes have been starting or stopping the embedded model for {limits.lock:.0f} seconds."
        raise FluffBuzzError(what, f"Try again; if it stays so, see {layout.service_log}") from None


def _serves(running: ServiceState, weights: Weights) -> bool:
    wanted = (weights.sha256, weights.model, __version__)
    return (running.weights, running.model, running.version) == wanted


async def _answering(layout: Layout, limits: Limits) -> ServiceState | None:
    """The service, if it lives and answers in time; one that somebody else began to start is waited for."""
    began = time.monotonic()
    while is_held(layout.service_lock):
        running = state.read(layout)
        if running is not None and await answers(running.base_url, limits.health):
            return running
        if time.monotonic() - began >= (limits.start if running is None else limits.health):
            return None
        await asyncio.sleep(POLL_SECONDS)
    return None


async def _end(layout: Layout, limits: Limits) -> None:
    """Ask the service to end, and kill it where it does not; nothing happens where none lives."""
    for number, seconds in ((signal.SIGTERM, limits.stop), (signal.SIGKILL, limits.kill)):
        if is_held(layout.service_lock):
            _signal(layout, number)
            await _wait_until_gone(layout, seconds)
    if is_held(layout.service_lock):
        what = "The service of the embedded model neither answers nor ends."
        raise FluffBuzzError(what, f"End process {_pid(layout) or '(unknown)'} yourself; its log: {layout.service_log}")
    state.withdraw(layout)


def _signal(layout: Layout, number: signal.Signals) -> None:
    """The process id is its own, for it holds the lock under which it was written."""
    if pid := _pid(layout):
        with suppress(OSError):
            os.kill(pid, number)


def _pid(layout: Layout) -> int:
    try:
        return int(layout.service_pid.read_text("ascii"))
    except (OSError, ValueError):
        return 0


async def _wait_until_gone(layout: Layout, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while is_held(layout.service_lock) and time.monotonic() < deadline:  # noqa: ASYNC110 -- of another process
        await asyncio.sleep(POLL_SECONDS)
