"""Starting the service process: detached from whoever starts it, and waited for by its standard output, a pipe.

Rule: the pipe ends when the service is ready or dead, so nothing is polled; whoever is cancelled meanwhile kills
nothing, for the next one who asks finds the service that is starting.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from fluffbuzz.adapters.embedded import bounded_log, state
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.state import ServiceState
from fluffbuzz.core.errors import FluffBuzzError

SERVICE_COMMAND = (sys.executable, "-P", "-m", "fluffbuzz.adapters.embedded.service")

CALM = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Waiting threads sleep instead of spinning: on a machine that is busy with something else this is 7 times as fast."""

READY = b"ready"
STARTER_SECONDS = 5.0
_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*|lib[\w.+-]+\.dylib)")
_LOG_STAMP = re.compile(r"^[\d.]+ [A-Z] ")


async def until_ready(
    layout: Layout, env: Mapping[str, str], idle_seconds: float, command: Sequence[str], seconds: float
) -> ServiceState:
    """Start the service and wait until it answers. Call under the launch lock, while none lives.

    Raises:
        FluffBuzzError: it died, or was not ready within `seconds`; the message has the end of its log.
    """
    bounded_log.bound(layout.service_log)
    before = bounded_log.length(layout.service_log)
    arguments = ["--data-dir", str(layout.root), "--idle-seconds", str(idle_seconds)]
    process, pipe = _spawn(layout, [*command, *arguments], {**CALM, **env})
    try:
        async with asyncio.timeout(seconds):
            said = await _read_to_end(pipe)
    except TimeoutError:
        _kill(process)
        raise _trouble(layout, before, f"was not ready within {seconds:.0f} seconds") from None
    finally:
        _reap(process)
    running = state.read(layout)
    if READY not in said or running is None:
        raise _trouble(layout, before, "did not start")
    return running


def _spawn(layout: Layout, command: Sequence[str], env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """The process, leader of a group of its own, and the end of its standard output that is ours to read and close."""
    reading, writing = os.pipe()
    try:
        with bounded_log.open_log(layout.service_log) as log:
            process = subprocess.Popen(  # noqa: S603 -- our own interpreter and our own module
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=log,
                cwd=layout.root,
                env=env,
                start_new_session=True,
            )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, reading


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Take leave of the process that was started; it leaves its work to a child of its own and ends at once."""
    try:
        process.wait(STARTER_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()


async def _read_to_end(pipe: int) -> bytes:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: protocol, os.fdopen(pipe, "rb", buffering=0)
    )
    try:
        return await reader.read()
    finally:
        transport.close()


def _trouble(layout: Layout, before: int, what: str) -> FluffBuzzError:
    tail = bounded_log.tail(layout.service_log, before)
    last = tail.rpartition("\n")[2] or "it said nothing"
    library = _MISSING_LIBRARY.search(last) if "Error" in last else None
    message = f"The embedded model {what}: {_LOG_STAMP.sub('', last)}"
    if library is not None:
        step = f"Install the system library {library[1]} (on Debian and Ubuntu: apt install libgomp1), then try again."
    else:
        step = f"Its log: {layout.service_log}. Should the weights be damaged: fluffbuzz embedded pull --force"
    return FluffBuzzError(message, step, tail)
