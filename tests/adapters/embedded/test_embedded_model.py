"""The port that the rest of the house sees: one candidate, fetched and started when somebody wants it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.embedded.sources import KNOWN

from fluffbuzz.adapters.embedded import EmbeddedModel, launcher, pull, weights
from fluffbuzz.adapters.embedded.pull import FromIndex
from fluffbuzz.adapters.embedded.state import ServiceState
from fluffbuzz.adapters.embedded.weights import Weights
from fluffbuzz.config.values import EmbeddedSettings
from fluffbuzz.core.credential import CredentialSource, Secret
from fluffbuzz.core.errors import FluffBuzzError
from fluffbuzz.core.models import Window, WindowSource
from fluffbuzz.ports import BackgroundModel

pytestmark = pytest.mark.anyio

STATE = ServiceState(1, "http://127.0.0.1:4711/v1", Secret("s3cret"), KNOWN.model, 4096, 0.0, "1", KNOWN.sha256)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What would have been done: fetching and starting are tested elsewhere."""
    done: list[tuple[str, Any]] = []

    async def fetch(data_dir: Path, source: object, env: object, report: object) -> None:
        done.append(("pull", source))

    async def run(data_dir: Path, env: object, *, idle_seconds: float) -> ServiceState:
        done.append(("run", idle_seconds))
        return STATE

    monkeypatch.setattr(pull, "pull", fetch)
    monkeypatch.setattr(launcher, "ensure_running", run)
    return done


async def test_the_first_question_fetches_and_starts_it(data_dir: Path, calls: list[tuple[str, Any]]) -> None:
    model: BackgroundModel = EmbeddedModel(data_dir, EmbeddedSettings(idle_minutes=2.0), {})
    candidate = await model.candidate()
    assert calls == [("pull", FromIndex()), ("run", 120.0)]
    assert str(candidate.model.ref) == f"embedded/{KNOWN.model}"
    assert candidate.model.window == Window(4096, WindowSource.SERVER)
    assert (candidate.endpoint.provider, candidate.endpoint.base_url) == ("embedded", STATE.base_url)
    assert candidate.endpoint.route.is_loopback
    assert candidate.credential is not None
    assert candidate.credential.secret.reveal() == "s3cret"
    assert candidate.credential.source is CredentialSource.SERVICE


async def test_what_is_installed_is_only_started(
    data_dir: Path, calls: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    have = Weights(data_dir / KNOWN.file, KNOWN.model, KNOWN.size, KNOWN.sha256, "a test")
    monkeypatch.setattr(weights, "installed", lambda layout: have)
    await EmbeddedModel(data_dir, EmbeddedSettings(), {}).candidate()
    assert [name for name, _ in calls] == ["run"]


async def test_switched_off_it_says_how_to_switch_it_on(data_dir: Path, calls: list[tuple[str, Any]]) -> None:
    with pytest.raises(FluffBuzzError) as caught:
        await EmbeddedModel(data_dir, EmbeddedSettings(enabled=False), {}).candidate()
    assert "embedded.enabled" in caught.value.message
    assert "fluffbuzz config set embedded.enabled true" in caught.value.next_step
    assert calls == []


async def test_without_its_package_nothing_is_fetched(
    data_dir: Path, calls: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FluffBuzzError) as caught:
        await EmbeddedModel(data_dir, EmbeddedSettings(), {}).candidate()
    assert "[embedded]" in caught.value.next_step
    assert calls == []


async def test_its_environment_is_this_process_own_unless_told_and_never_shown(data_dir: Path) -> None:
    assert "PATH" in EmbeddedModel(data_dir, EmbeddedSettings()).env
    assert "s3cret" not in repr(EmbeddedModel(data_dir, EmbeddedSettings(), {"KEY": "s3cret"}))
