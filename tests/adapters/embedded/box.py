"""A data directory with installed weights, and a scripted service in place of the real one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tests.adapters.embedded.sources import CONTENT, KNOWN

from fluffbuzz.adapters.embedded import launcher
from fluffbuzz.adapters.embedded.launcher import Limits, Status
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.locks import is_held
from fluffbuzz.adapters.embedded.state import ServiceState
from fluffbuzz.adapters.embedded.weights import Expected, install

SCRIPT = Path(__file__).with_name("scripted_service.py")
PATIENCE = 30.0
"""Seconds for anything that a test waits for; a busy machine may need a few."""

QUICK = Limits(lock=PATIENCE, start=PATIENCE, health=PATIENCE, stop=PATIENCE, kill=PATIENCE)


class Box:
    """One user's data directory; `tell` and `forget` script the service."""

    def __init__(self, data_dir: Path, env: Mapping[str, str]) -> None:
        self.path = data_dir
        self.layout = Layout(data_dir)
        self.env = env
        self.command = (sys.executable, str(SCRIPT))
        self.layout.make()
        self.put_weights(CONTENT)

    def put_weights(self, content: bytes) -> None:
        """Install other weights under the same name."""
        fetched = self.path / "fetched"
        fetched.write_bytes(content)
        expected = Expected(KNOWN.file, len(content), hashlib.sha256(content).hexdigest())
        install(self.layout, fetched, expected, KNOWN.model, "a test")

    def tell(self, name: str, text: str = "") -> None:
        (self.path / name).write_text(text, "utf-8")

    def forget(self, name: str) -> None:
        (self.path / name).unlink()

    def count(self, name: str) -> int:
        """How often the service started, or looked whether it is busy."""
        try:
            return len((self.path / name).read_text("ascii").splitlines())
        except OSError:
            return 0

    async def ensure_running(self, idle_seconds: float = 600.0, **limits: float) -> ServiceState:
        return await launcher.ensure_running(
            self.path, self.env, idle_seconds=idle_seconds, command=self.command, limits=replace(QUICK, **limits)
        )

    async def stop(self, **limits: float) -> bool:
        return await launcher.stop(self.path, replace(QUICK, **limits))

    async def status(self) -> Status:
        return await launcher.status(self.path)

    def is_alive(self) -> bool:
        """Whether a service lives, as the operating system knows it."""
        return is_held(self.layout.service_lock)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for something that another process does."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, f"it did not happen within {PATIENCE} s"
            await asyncio.sleep(0.01)

    async def until_gone(self) -> None:
        await self.until(lambda: not self.is_alive())

    def kill(self) -> None:
        """End the service at once, as a crash or `kill -9` does."""
        os.kill(self.pid, signal.SIGKILL)

    @property
    def pid(self) -> int:
        """Of the service."""
        return int(self.layout.service_pid.read_text("ascii"))

    def clear(self) -> None:
        """End what a test has left running."""
        with suppress(OSError, ValueError):
            if self.is_alive():
                self.kill()
