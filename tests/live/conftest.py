"""Real servers as fixtures: as few as possible, each started when a test first asks for it and shared from then on.

A server takes about 40 s to start and 3 GB of memory. The rule kept: a missing installation is an error that names the
command to run, never a skip.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.live.program import Program
from tests.live.servers import API_KEY, NotSetUp, StartMortal, VllmServer, live_paths

MORTALS = 2  # kept alive for later tests; a test that asks for more at once gets more
MAIN_OPTIONS = ("--enable-prompt-tokens-details", "--enable-auto-tool-choice", "--tool-call-parser", "hermes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies beside this file; the hook sees the tests of every folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers log; fails every live test while the real servers are not set up."""
    try:
        live_paths()
    except NotSetUp as problem:
        raise pytest.fail.Exception(str(problem), pytrace=False) from None
    return tmp_path_factory.mktemp("vllm-logs")


@pytest.fixture(scope="session")
def vllm(log_folder: Path) -> Iterator[VllmServer]:
    """The main server, for every test that leaves it alive: wants `API_KEY`, counts cached tokens, parses tools.

    It computes in float32, so that a text continued is the text undisturbed, and not one that rounding led elsewhere.
    """
    with VllmServer(api_key=API_KEY, dtype="float32", extra=MAIN_OPTIONS, log_folder=log_folder) as server:
        yield server


@pytest.fixture(scope="session")
def thinking_vllm(log_folder: Path) -> Iterator[VllmServer]:
    """A server whose answers begin with thinking; `logit_bias: {"8": 14}` makes the model end it with `</think>`."""
    options = ("--reasoning-parser", "deepseek_r1")
    model = live_paths().thinking_model
    with VllmServer(model=model, api_key=API_KEY, extra=options, log_folder=log_folder) as server:
        yield server


class Mortal(NamedTuple):
    """A server that tests may kill, and the options that it was started with."""

    options: dict[str, Any]
    server: VllmServer


class MortalPool:
    """Servers that tests may kill: one that survived a test serves the next that asks for the same options."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._idle: list[Mortal] = []
        self._lent: list[Mortal] = []

    def lend(self, **options: Any) -> VllmServer:
        """A healthy server of `VllmServer(**options)` that nobody else uses until `take_back`."""
        mortal = next((idle for idle in self._idle if idle.options == options), None)
        if mortal is not None:
            self._idle.remove(mortal)
        else:
            while self._idle and len(self._idle) + len(self._lent) >= MORTALS:
                self._idle.pop(0).server.stop()
            mortal = Mortal(options, VllmServer(**{"log_folder": self._log_folder, **options}).start())
        self._lent.append(mortal)
        return mortal.server

    def take_back(self) -> None:
        """Keep what is still healthy of the lent servers, up to `MORTALS`, and stop the others."""
        while self._lent:
            mortal = self._lent.pop()
            if len(self._idle) < MORTALS and mortal.server.is_healthy() and mortal.server.engine_core_pids():
                self._idle.append(mortal)
            else:
                mortal.server.stop()

    def stop(self) -> None:
        """Stop every server."""
        with contextlib.ExitStack() as stack:
            for mortal in (*self._idle, *self._lent):
                stack.callback(mortal.server.stop)


@pytest.fixture(scope="session")
def mortal_pool(log_folder: Path) -> Iterator[MortalPool]:
    pool = MortalPool(log_folder)
    yield pool
    pool.stop()


@pytest.fixture
def mortal_vllm(mortal_pool: MortalPool) -> Iterator[StartMortal]:
    """Call it with the options of `VllmServer` for a server that the test may kill, once for each server needed."""
    yield mortal_pool.lend
    mortal_pool.take_back()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """FluffBuzz for a user who has set up nothing yet."""
    user = Program(tmp_path)
    yield user
    user.end()


@pytest.fixture
def vllm_user(program: Program, vllm: VllmServer) -> Program:
    """FluffBuzz for a user of the main server."""
    program.use_server(vllm.base_url, API_KEY)
    return program
