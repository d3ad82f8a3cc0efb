"""A clock that only goes on when read, countable chance, and stores opened with them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from fluffbuzz.adapters.sqlite import Database, SqliteSessionStore, open_database
from fluffbuzz.adapters.sqlite.migrations import SHIPPED, Schema

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


class OpenDatabase(Protocol):
    def __call__(self, state_dir: Path | None, *, busy_timeout: float = 5.0, schema: Schema = SHIPPED) -> Database: ...


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Awaits on one event loop for the whole test."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def open_db() -> Iterator[OpenDatabase]:
    """Opens databases and closes them when the test has ended."""
    opened: list[Database] = []
    ticks = itertools.count(1_800_000_000)
    chance = itertools.count()

    def open_one(state_dir: Path | None, *, busy_timeout: float = 5.0, schema: Schema = SHIPPED) -> Database:
        database = open_database(
            state_dir,
            now=lambda: float(next(ticks)),
            token=lambda size: next(chance).to_bytes(size, "big"),
            busy_timeout=busy_timeout,
            schema=schema,
        )
        opened.append(database)
        return database

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(open_db: OpenDatabase, tmp_path: Path) -> Database:
    """A database in an empty state directory."""
    return open_db(tmp_path / "state")


@pytest.fixture
def store(database: Database, run: Run[Any]) -> Iterator[SqliteSessionStore]:
    """A store on it."""
    store = SqliteSessionStore(database)
    yield store
    run(store.close())
