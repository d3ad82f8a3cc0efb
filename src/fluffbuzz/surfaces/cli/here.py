"""Where a command runs: this process's environment and home, and the running of its async body."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from fluffbuzz.app import Place, place
from fluffbuzz.config.places import home_dir

T = TypeVar("T")


def here() -> Place:
    """The place that this process's environment names."""
    return place(os.environ, home_dir(os.environ))


def run(body: Coroutine[Any, Any, T]) -> T:
    """Run a command's async body; Ctrl-C and SIGTERM cancel it, so that it can still save what it has.

    Raises:
        KeyboardInterrupt: it was cancelled so.
    """
    gc.freeze()
    gc.enable()
    try:
        return asyncio.run(_cancellable(body))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _cancellable(body: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await body
