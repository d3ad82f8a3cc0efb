"""Fixtures of the runtime's tests: no time passes and no network is touched."""

from __future__ import annotations

import pytest

from fluffbuzz.testing import FakeClock, MemoryCatalogStore, MemorySessionStore


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def memory() -> MemoryCatalogStore:
    return MemoryCatalogStore()


@pytest.fixture
def store(clock: FakeClock) -> MemorySessionStore:
    return MemorySessionStore(clock.now)
