"""Weights from a model hub: its real client library against a hub on loopback, interrupted, resumed and refused."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.adapters.embedded.sources import COMMIT, CONTENT, FILE, KNOWN, REPOSITORY, SHA256, Hub

from fluffbuzz.adapters.embedded.hub import DEFAULT_FILE, HubFile, hub_file
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.pull import FromHub, pull
from fluffbuzz.adapters.embedded.weights import SMOLLM2, Weights, installed
from fluffbuzz.core.errors import FluffBuzzError, StorageError, UsageError
from fluffbuzz.testing import FakeServer, Pause, response

pytestmark = pytest.mark.anyio

WANTED = HubFile(REPOSITORY, FILE, COMMIT)
FULL_DISK = """
import errno, huggingface_hub.file_download as download
def http_get(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")
download.http_get = http_get
"""
Progress = list[tuple[int, int | None]]


@pytest.fixture
async def server(env: dict[str, str]) -> AsyncIterator[FakeServer]:
    async with FakeServer(responder=Hub()) as server:
        env["HF_ENDPOINT"] = server.origin
        yield server


@pytest.fixture
def hub(server: FakeServer) -> Hub:
    """A hub that the client library is pointed at by its environment variable."""
    assert isinstance(server.responder, Hub)
    return server.responder


async def fetch(
    data_dir: Path, env: Mapping[str, str], wanted: HubFile = WANTED, progress: Progress | None = None
) -> Weights:
    told: Progress = [] if progress is None else progress
    return await pull(data_dir, FromHub(wanted), env, lambda done, total: told.append((done, total)))


async def trouble(data_dir: Path, env: Mapping[str, str], wanted: HubFile = WANTED) -> FluffBuzzError:
    with pytest.raises(FluffBuzzError) as caught:
        await fetch(data_dir, env, wanted)
    assert installed(Layout(data_dir)) is None
    return caught.value


def partial(data_dir: Path) -> Path:
    return Layout(data_dir).partial(SHA256)


async def test_the_file_is_fetched_checked_and_installed(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    progress: Progress = []
    weights = await fetch(data_dir, env, progress=progress)
    assert weights.path.read_bytes() == CONTENT
    assert (weights.model, weights.sha256) == ("tiny.q4_1", KNOWN.sha256)
    assert weights.source == f"Hugging Face ({REPOSITORY})"
    assert installed(Layout(data_dir)) == weights
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert sorted(path.name for path in data_dir.iterdir()) == sorted([FILE, "pull.lock", "weights.json"])


async def test_what_is_installed_is_not_fetched_again(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    assert await fetch(data_dir, env) == await fetch(data_dir, env)
    assert hub.fetched == ["whole"]


async def test_a_connection_that_breaks_is_mended_by_the_same_run(
    data_dir: Path, env: dict[str, str], hub: Hub
) -> None:
    hub.file.cuts = [400_000]
    assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT
    assert len(hub.fetched) == 2


async def test_a_hub_that_cannot_take_up_a_download_sends_it_whole(
    data_dir: Path, env: dict[str, str], hub: Hub
) -> None:
    data_dir.mkdir(parents=True)
    partial(data_dir).write_bytes(CONTENT[:300_000])
    hub.file.takes_up = False
    assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT
    assert hub.fetched == ["bytes=300000-"]


async def test_a_cancelled_download_is_taken_up_by_the_next_run(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    partial(data_dir).parent.mkdir(parents=True)
    partial(data_dir).write_bytes(CONTENT[:300_000])
    hub.file.pause = Pause()
    fetching = asyncio.create_task(fetch(data_dir, env))
    await hub.file.pause.reached()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    hub.file.pause = None
    assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT
    first, second = hub.fetched
    assert first == "bytes=300000-"
    assert int(second.removeprefix("bytes=").removesuffix("-")) >= 300_000
    assert not partial(data_dir).exists()


async def test_a_damaged_beginning_is_thrown_away_so_that_the_next_run_succeeds(
    data_dir: Path, env: dict[str, str], hub: Hub
) -> None:
    data_dir.mkdir(parents=True)
    partial(data_dir).write_bytes(b"x" * 300_000)
    assert f"instead of {SHA256}" in (await trouble(data_dir, env)).message
    assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT
    assert hub.fetched == ["bytes=300000-", "whole"]


async def test_a_beginning_that_is_too_long_is_thrown_away(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    data_dir.mkdir(parents=True)
    partial(data_dir).write_bytes(b"x" * (len(CONTENT) + 1))
    assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT


async def test_what_differs_from_what_the_hub_states_is_refused(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    hub.sha256 = "f" * 64
    assert "f" * 64 in (await trouble(data_dir, env)).message
    assert not list(data_dir.glob("*.gguf"))


async def test_a_file_without_a_stated_checksum_is_refused(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    hub.sha256 = "0" * 40
    assert "states no SHA-256" in (await trouble(data_dir, env)).message
    assert hub.fetched == []


async def test_the_only_gguf_file_of_a_repository_need_not_be_named(
    data_dir: Path, env: dict[str, str], hub: Hub
) -> None:
    weights = await fetch(data_dir, env, HubFile(REPOSITORY, "", "main"))
    assert weights.path.name == FILE


async def test_several_gguf_files_are_listed_to_choose_from(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    hub.files = ["a.gguf", "b.gguf", "README.md"]
    error = await trouble(data_dir, env, HubFile(REPOSITORY, "", "main"))
    assert "several GGUF files" in error.message
    assert "a.gguf, b.gguf" in error.next_step


async def test_an_unknown_repository_is_told(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    error = await trouble(data_dir, env, HubFile("somebody/else", FILE, "main"))
    assert "no repository somebody/else" in error.message


async def test_an_unknown_file_is_told(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    error = await trouble(data_dir, env, HubFile(REPOSITORY, "other.gguf", "main"))
    assert f"no file {REPOSITORY}/other.gguf" in error.message


async def test_an_impossible_repository_name_is_told(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    error = await trouble(data_dir, env, HubFile("a/b/c", FILE, "main"))
    assert "no repository a/b/c" in error.message


async def test_without_network_the_cause_and_the_next_step_are_told(data_dir: Path, env: dict[str, str]) -> None:
    async with FakeServer() as server:
        env["HF_ENDPOINT"] = server.origin
    error = await trouble(data_dir, env)
    assert "Connection refused" in error.message or "connect" in error.message.lower()
    assert "HF_ENDPOINT" in error.next_step


async def test_the_librarys_offline_switch_is_told(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    error = await trouble(data_dir, {**env, "HF_HUB_OFFLINE": "1"})
    assert "HF_HUB_OFFLINE" in error.message
    assert hub.fetched == []


async def test_the_users_token_goes_to_the_hub_and_not_to_the_host_of_the_bytes(
    data_dir: Path, env: dict[str, str], server: FakeServer, hub: Hub
) -> None:
    bytes_only = Hub()
    async with FakeServer(responder=lambda request: bytes_only.file.answer(request, {})) as elsewhere:
        hub.elsewhere = elsewhere.origin
        await fetch(data_dir, {**env, "HF_TOKEN": "hf_s3cret"})
        assert server.requests[0].header("authorization") == "Bearer hf_s3cret"
        assert [request.header("authorization") for request in elsewhere.requests] == [None]


async def test_no_token_and_no_signature_reaches_an_error(
    data_dir: Path, env: dict[str, str], server: FakeServer, hub: Hub
) -> None:
    async with FakeServer(response(b"", 403)) as elsewhere:
        hub.elsewhere = elsewhere.origin
        error = await trouble(data_dir, {**env, "HF_TOKEN": "hf_s3cret"})
    assert "403" in error.message
    assert "s3cret" not in f"{error} {error.detail}"


async def test_a_disk_without_room_is_told_before_the_first_byte(data_dir: Path, env: dict[str, str], hub: Hub) -> None:
    hub.size = 10**18
    error = await trouble(data_dir, env)
    assert isinstance(error, StorageError)
    assert "MB are free" in error.message
    assert hub.fetched == []


async def test_a_disk_that_fills_up_is_told(data_dir: Path, env: dict[str, str], hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(FULL_DISK, "utf-8")
    error = await trouble(data_dir, {**env, "PYTHONPATH": str(tmp_path)})
    assert isinstance(error, StorageError)
    assert "no room left" in error.message


async def test_a_python_without_the_library_is_told_how_to_get_it(
    data_dir: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "huggingface-hub" in (await trouble(data_dir, env)).next_step


@pytest.mark.parametrize(
    ("repository", "file", "expected"),
    [
        ("", "", DEFAULT_FILE),
        ("", "Other.gguf", HubFile(SMOLLM2.repository, "Other.gguf", SMOLLM2.revision)),
        (SMOLLM2.repository, "", DEFAULT_FILE),
        ("somebody/else", "", HubFile("somebody/else", "", "main")),
        ("somebody/else", "a.gguf", HubFile("somebody/else", "a.gguf", "main")),
    ],
)
def test_what_is_left_out_is_the_default_models(repository: str, file: str, expected: HubFile) -> None:
    assert hub_file(repository, file) == expected


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="no GGUF file"):
        hub_file("somebody/else", "model.safetensors")
