"""What a running service says of itself, in a file that only its owner can read: where it answers, and with which key.

Rule: the file is there only while the service is ready; that its writer lives is known from the lock, never from it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.config.files import Disk, write
from fluffbuzz.core.credential import Secret


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service that is ready.

    Attributes:
        base_url: ends in `/v1`.
        window: tokens that each request may have, prompt and answer together.
        started: Unix seconds.
        version: of the FluffBuzz that started it.
        weights: SHA-256 of what it serves.
    """

    pid: int
    base_url: str
    api_key: Secret
    model: str
    window: int
    started: float
    version: str
    weights: str


def publish(layout: Layout, state: ServiceState) -> None:
    """Say that the service is ready. Call under the service's lock. Raises OSError."""
    facts = {
        "pid": state.pid,
        "baseUrl": state.base_url,
        "apiKey": state.api_key.reveal(),
        "model": state.model,
        "window": state.window,
        "started": state.started,
        "version": state.version,
        "weights": state.weights,
    }
    write(layout.service_state, json.dumps(facts).encode(), Disk())


def read(layout: Layout) -> ServiceState | None:
    """What was published last; None where nothing is, or nothing that can be understood."""
    try:
        facts = json.loads(layout.service_state.read_bytes())
        return ServiceState(
            pid=int(facts["pid"]),
            base_url=str(facts["baseUrl"]),
            api_key=Secret(facts["apiKey"]),
            model=str(facts["model"]),
            window=int(facts["window"]),
            started=float(facts["started"]),
            version=str(facts["version"]),
            weights=str(facts["weights"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def withdraw(layout: Layout) -> None:
    """Say no longer that the service is ready."""
    with suppress(OSError):
        layout.service_state.unlink()
