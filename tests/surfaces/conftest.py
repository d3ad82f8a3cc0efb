"""A desk and a small vLLM for every test; nothing of them is shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.surfaces.desk import Desk

from fluffbuzz.testing import FakeServer, FakeVllm


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A home with nothing in it, and an environment that opts in to nothing."""
    home = tmp_path / "home"
    home.mkdir()
    return Desk(home)


@pytest.fixture
def model() -> FakeVllm:
    """What the server answers with; tests change it."""
    return FakeVllm()


@pytest.fixture
def server(desk: Desk, model: FakeVllm) -> Iterator[FakeServer]:
    """A small vLLM on loopback that the desk has opted in to."""
    with FakeServer(responder=model) as server:
        desk.use(server)
        yield server
