"""A data directory and an environment of its own for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters.embedded.box import Box


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "state" / "embedded"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Nothing of this machine's pip configuration, no proxies, no tokens."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


@pytest.fixture
def box(data_dir: Path, env: dict[str, str]) -> Iterator[Box]:
    """Installed weights and a scripted service for them, which is ended in any case."""
    made = Box(data_dir, env)
    yield made
    made.clear()
