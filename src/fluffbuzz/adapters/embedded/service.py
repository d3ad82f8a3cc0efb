"""The service process: serves the installed weights on loopback until it is told to stop or nobody has asked for long.

    python -m fluffbuzz.adapters.embedded.service --data-dir DIRECTORY --idle-seconds SECONDS

It leaves the process that started it, holds a lock for as long as it lives, writes `ready` to standard output once its
state is published, and then closes it. The rule: it ends only while nobody can be looking for it (it holds the launch
lock from its decision to its last breath), and an answer that is running is never cut by idleness.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fluffbuzz import __version__
from fluffbuzz.adapters.embedded.bounded_log import bound
from fluffbuzz.adapters.embedded.idle import Activity, IdleWatch
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.locks import acquired, own
from fluffbuzz.adapters.embedded.state import ServiceState, publish, withdraw
from fluffbuzz.adapters.embedded.stop_signal import StopSignal
from fluffbuzz.adapters.embedded.weights import Weights, installed
from fluffbuzz.core.credential import Secret

READY = b"ready\n"
LOOK_SECONDS = 2.0
LOOKS_PER_LIMIT = 8
LOCK_SECONDS = 1.0
"""How long the lock may be held by those who only look whether anybody holds it."""

DRAIN_SECONDS = 10.0
"""How long running answers may take to end after a request to stop."""

DRAIN_LOOK_SECONDS = 0.05
KEY_BYTES = 32


class Engine(Protocol):
    """A server that answers already."""

    origin: str
    window: int

    def activity(self) -> Activity:
        """A look at what it does."""
        ...


StartEngine = Callable[[Weights, Secret], Engine]


@dataclass(frozen=True, slots=True)
class Order:
    """What the service is to do."""

    layout: Layout
    idle_seconds: float


def read_order(arguments: Sequence[str]) -> Order:
    """The command line."""
    parser = argparse.ArgumentParser(prog="fluffbuzz.adapters.embedded.service")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--idle-seconds", type=float, required=True)
    read = parser.parse_args(arguments)
    return Order(Layout(read.data_dir), read.idle_seconds)


def main(arguments: Sequence[str], start: StartEngine) -> None:
    """Serve until the end of this process, which never returns from here in the usual way."""
    order = read_order(arguments)
    _leave_the_starter()
    lock = own(order.layout.service_lock)
    if not acquired(lock, LOCK_SECONDS):
        sys.exit("Another service is running.")
    stop = StopSignal()
    withdraw(order.layout)
    order.layout.service_pid.write_text(str(os.getpid()), "ascii")
    engine = _begin(order.layout, start)
    if not stop.wait(0):
        _say_ready()
        _serve(order, engine, stop)
    withdraw(order.layout)
    sys.stderr.flush()
    # The engine's own destructor waits for requests that nobody will answer; everything is on the disk already.
    os._exit(0)


def _leave_the_starter() -> None:
    """A child of nobody: whoever started the service neither waits for it nor keeps a zombie of it."""
    if os.fork():
        os._exit(0)


def _begin(layout: Layout, start: StartEngine) -> Engine:
    weights = installed(layout)
    if weights is None:
        sys.exit("The weights are not installed.")
    api_key = Secret(secrets.token_urlsafe(KEY_BYTES))
    engine = start(weights, api_key)
    base_url = f"{engine.origin}/v1"
    state = ServiceState(
        os.getpid(), base_url, api_key, weights.model, engine.window, time.time(), __version__, weights.sha256
    )
    publish(layout, state)
    return engine


def _say_ready() -> None:
    """Tell the starter, if it still lives, and let go of the pipe to it."""
    with suppress(BrokenPipeError):
        os.write(1, READY)
    os.dup2(2, 1)


def _serve(order: Order, engine: Engine, stop: StopSignal) -> None:
    """Returns when it is time to end: idle, without its directory, or told to stop (then after running answers)."""
    watch = IdleWatch(order.idle_seconds, time.monotonic())
    while not stop.wait(min(LOOK_SECONDS, order.idle_seconds / LOOKS_PER_LIMIT)):
        bound(order.layout.service_log)
        watch = watch.observe(time.monotonic(), look(order.layout, engine))
        if watch.is_over(time.monotonic()) and _may_leave(order.layout, engine, watch):
            return
    withdraw(order.layout)
    deadline = time.monotonic() + DRAIN_SECONDS
    while engine.activity().is_busy and time.monotonic() < deadline:
        time.sleep(DRAIN_LOOK_SECONDS)


def look(layout: Layout, engine: Engine) -> Activity:
    """What the engine does, and whether anybody has asked for the service since the last look."""
    seen = engine.activity()
    try:
        used = layout.used.stat().st_mtime_ns
    except OSError:
        used = 0
    return Activity(seen.is_busy, (*seen.marks, used))


def _may_leave(layout: Layout, engine: Engine, watch: IdleWatch) -> bool:
    """Whether nobody is looking for the service; the lock that proves it stays held until the process has ended."""
    if not layout.root.exists():
        return True
    lock = own(layout.launch_lock)
    if not acquired(lock):
        return False
    now = time.monotonic()
    if watch.observe(now, look(layout, engine)).is_over(now):
        _kept.append(lock)
        return True
    lock.release()
    return False


_kept: list[object] = []
"""Locks that only the end of the process may free."""


if __name__ == "__main__":
    from fluffbuzz.adapters.embedded.llama import LlamaServer

    main(sys.argv[1:], LlamaServer)
