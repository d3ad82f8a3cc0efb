"""What is remembered of endpoints, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from fluffbuzz.core.discovery import Discovery
from fluffbuzz.core.errors import StorageError
from fluffbuzz.ports import LearnedOption


class MemoryCatalogStore:
    """Fulfils `ports.CatalogStore`.

    Attributes:
        trouble: while set, every method raises it, as a database does whose disk is full.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], Discovery] = {}
        self._found: dict[tuple[str, str], Discovery] = {}
        self._learned: dict[tuple[str, str], dict[str, float]] = {}
        self.trouble: StorageError | None = None

    def last_discovery(self, provider: str, base_url: str) -> Discovery | None:
        """The newest stored look at an endpoint."""
        self._fail_if_troubled()
        return self._newest.get((provider, base_url))

    def save_discovery(self, provider: str, discovery: Discovery) -> None:
        """Keep a look."""
        self._fail_if_troubled()
        place = (provider, discovery.base_url)
        self._newest[place] = discovery
        if discovery.is_answer:
            self._found[place] = discovery

    def last_found(self, provider: str, base_url: str) -> Discovery | None:
        """The newest look that got an answer."""
        self._fail_if_troubled()
        return self._found.get((provider, base_url))

    def learned_options(self, base_url: str, model: str) -> Sequence[LearnedOption]:
        """What this endpoint refused for this model."""
        self._fail_if_troubled()
        learned = self._learned.get((base_url, model), {})
        return [LearnedOption(option, at) for option, at in sorted(learned.items())]

    def learn_option(self, base_url: str, model: str, option: str, at: float) -> None:
        """Remember a refusal."""
        self._fail_if_troubled()
        self._learned.setdefault((base_url, model), {})[str(option)] = at

    def forget_options(self, base_url: str) -> None:
        """Forget all refusals of an endpoint."""
        self._fail_if_troubled()
        self._learned = {place: learned for place, learned in self._learned.items() if place[0] != base_url}

    def _fail_if_troubled(self) -> None:
        if self.trouble:
            raise self.trouble
