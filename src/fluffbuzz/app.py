"""The composition root: the one place that knows which adapter stands behind which port.

Adapters are imported where they are put together, so that a command pays only for what it uses.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fluffbuzz.config.loading import load
from fluffbuzz.config.places import config_path, state_dir
from fluffbuzz.config.values import Config
from fluffbuzz.ports import BackgroundModel, CatalogStore, Clock, SessionStore
from fluffbuzz.providers import bundled_ids
from fluffbuzz.runtime.catalog import Catalog
from fluffbuzz.runtime.conversation import Conversations
from fluffbuzz.runtime.selection import Selector
from fluffbuzz.runtime.services import Service, services

if TYPE_CHECKING:
    from fluffbuzz.adapters.embedded import Fetching
    from fluffbuzz.runtime.snapshot import Observer


@dataclass(frozen=True, slots=True)
class Place:
    """Where this FluffBuzz lives: its environment variables, configuration file and state directory."""

    env: Mapping[str, str]
    config_path: Path
    state_dir: Path


def place(env: Mapping[str, str], home: Path) -> Place:
    """The place that the environment names."""
    return Place(env, config_path(env, home), state_dir(env, home))


@dataclass(frozen=True, slots=True)
class Storage:
    """Everything that is kept between runs."""

    sessions: SessionStore
    catalog: CatalogStore
    clock: Clock


@dataclass(frozen=True, slots=True)
class App:
    """All that a surface needs, put together."""

    place: Place
    config: Config
    services: tuple[Service, ...]
    catalog: Catalog
    selector: Selector
    conversations: Conversations
    storage: Storage
    background: BackgroundModel

    @property
    def observer(self) -> Observer:
        """What takes snapshots of the state of things; imported by the few commands that show one."""
        from fluffbuzz.runtime.snapshot import Observer

        return Observer(self.selector, self.catalog, self.services, self.storage.sessions, self.storage.clock)


def read_config(where: Place) -> Config:
    """The configuration; a missing file is an empty one.

    Raises:
        ConfigError: the file has mistakes; all of them are listed.
    """
    return load(where.config_path, where.env, bundled_ids())


@asynccontextmanager
async def open_storage(where: Place, *, save: bool = True) -> AsyncIterator[Storage]:
    """The state database; with `save` off one that lives in memory and leaves no trace."""
    from fluffbuzz.adapters.clock import SystemClock
    from fluffbuzz.adapters.sqlite import SqliteCatalogStore, SqliteSessionStore, open_database

    clock = SystemClock()
    database = open_database(where.state_dir if save else None, now=clock.now, token=os.urandom)
    sessions = SqliteSessionStore(database)
    try:
        yield Storage(sessions, SqliteCatalogStore(database), clock)
    finally:
        await sessions.close()


@asynccontextmanager
async def open_app(where: Place, *, save: bool = True, fetching: Fetching | None = None) -> AsyncIterator[App]:
    """Everything, ready to answer; `fetching` surrounds the one fetch of the embedded model.

    Raises:
        ConfigError: the configuration has mistakes.
        StorageError: the state directory cannot be used.
    """
    from fluffbuzz.adapters.embedded import EmbeddedModel, quietly
    from fluffbuzz.adapters.http import HttpTransport
    from fluffbuzz.runtime.engine import Engine

    config = read_config(where)
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(where, save=save and config.storage.save))
        transport = await stack.enter_async_context(HttpTransport())
        opted_in = services(config, profiles={})
        catalog = Catalog(transport, storage.catalog, storage.clock)
        background = EmbeddedModel(where.state_dir / "embedded", config.embedded, where.env, fetching or quietly)
        selector = Selector(config, opted_in, catalog, background)
        engine = Engine(transport, storage.catalog, storage.clock)
        conversations = Conversations(storage.sessions, engine, storage.clock, config)
        yield App(where, config, opted_in, catalog, selector, conversations, storage, background)
