"""What is remembered of endpoints, as far as it can be: an answer never fails because of it.

A memory that cannot be read is an empty one, and what cannot be written is learnt again the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from fluffbuzz.core.discovery import Discovery
from fluffbuzz.core.errors import StorageError
from fluffbuzz.ports import CatalogStore, LearnedOption


class Recollection:
    """A `CatalogStore` that passes over its own troubles."""

    def __init__(self, store: CatalogStore) -> None:
        self._store = store

    def last_discovery(self, provider: str, base_url: str) -> Discovery | None:
        """The newest stored look at an endpoint."""
        with suppress(StorageError):
            return self._store.last_discovery(provider, base_url)
        return None

    def save_discovery(self, provider: str, discovery: Discovery) -> None:
        """Keep a look."""
        with suppress(StorageError):
            self._store.save_discovery(provider, discovery)

    def last_found(self, provider: str, base_url: str) -> Discovery | None:
        """The newest look that got an answer."""
        with suppress(StorageError):
            return self._store.last_found(provider, base_url)
        return None

    def learned_options(self, base_url: str, model: str) -> Sequence[LearnedOption]:
        """What this endpoint refused for this model."""
        with suppress(StorageError):
            return self._store.learned_options(base_url, model)
        return ()

    def learn_option(self, base_url: str, model: str, option: str, at: float) -> None:
        """Remember a refusal."""
        with suppress(StorageError):
            self._store.learn_option(base_url, model, option, at)

    def forget_options(self, base_url: str) -> None:
        """Forget all refusals of an endpoint."""
        with suppress(StorageError):
            self._store.forget_options(base_url)
