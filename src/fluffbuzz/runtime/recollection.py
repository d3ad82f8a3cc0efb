"""What is remembered of endpoints, as far as it can be: an answer never fails because of it.

A memory that cannot be read is an empty one, and what cannot be written is learnt again the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from fluffbuzz.core.discovery import Discovery
from fluffbuzz.core.errors import StorageError
from fluffbuzz.ports import CatalogStore, LearnedOption

LEARNED_FOR = 24 * 3600.0
"""Seconds for which a refused option is left out without asking again."""

IMAGES = "images"
"""Learned like an option: this model was shown an image and refused it."""


class Recollection:
    """What a `CatalogStore` remembers; its troubles are passed over."""

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

    def refused_lately(self, base_url: str, model: str, now: float) -> Sequence[LearnedOption]:
        """What this endpoint refused for this model, as long as it is not asked again."""
        with suppress(StorageError):
            learned = self._store.learned_options(base_url, model)
            return [fact for fact in learned if fact.at >= now - LEARNED_FOR]
        return ()

    def learn_option(self, base_url: str, model: str, option: str, at: float) -> None:
        """Remember a refusal."""
        with suppress(StorageError):
            self._store.learn_option(base_url, model, option, at)

    def forget_options(self, base_url: str) -> None:
        """Forget all refusals of an endpoint."""
        with suppress(StorageError):
            self._store.forget_options(base_url)
