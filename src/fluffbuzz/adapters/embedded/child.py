"""A child process that fetches: its lines are read as they come, and it never outlives the one who waits for it.

Rule: cancelled, stalled or failed, the whole process group is gone before control returns; a child whose reader was
killed dies by itself at its next line.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

KEPT_LINES = 400
MAX_LINE = 256 * 1024
STALL_SECONDS = 600.0
"""Without a single line; pip's own time limits and retries are far below it."""

_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s@]*@")
_QUERY_IN_URL = re.compile(r"(?<=://)([^\s?#'\"]+)\?[^\s#'\"]+")


OnLine = Callable[[str], bool]
"""Sees every line and says whether it belongs to the output that is kept."""


class Stalled(Exception):
    """The child said nothing for too long; the message is its output."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended: its exit status, and the end of its output without secrets."""

    status: int
    output: str


async def run(
    command: Sequence[str],
    env: Mapping[str, str],
    on_line: OnLine,
    stall_seconds: float = STALL_SECONDS,
) -> Finished:
    """Run a command to its end.

    Raises:
        Stalled: it said nothing for `stall_seconds`.
    """
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(env),
        start_new_session=True,
        limit=MAX_LINE,
    )
    try:
        while line := await _next_line(process, stall_seconds):
            text = line.decode("utf-8", "replace").rstrip()
            if on_line(text):
                kept.append(without_secrets(text))
        return Finished(await process.wait(), "\n".join(kept))
    except TimeoutError:
        raise Stalled("\n".join(kept)) from None
    finally:
        await _end(process)


async def _next_line(process: asyncio.subprocess.Process, seconds: float) -> bytes:
    assert process.stdout is not None, "it was asked for"
    async with asyncio.timeout(seconds):
        while True:
            with suppress(ValueError):  # a line beyond every bound is dropped
                return await process.stdout.readline()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def without_secrets(text: str) -> str:
    """The text with user names, passwords and queries (which may be signatures) taken out of its URLs."""
    return _QUERY_IN_URL.sub(r"\1?***", _USER_IN_URL.sub("***@", text))
