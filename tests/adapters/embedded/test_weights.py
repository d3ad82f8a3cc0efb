"""What counts as installed, how it gets there, and a place that cannot hold it."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from tests.adapters.embedded.box import Box
from tests.adapters.embedded.sources import CONTENT, KNOWN

from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.locks import holding
from fluffbuzz.adapters.embedded.pull import FromIndex, pull
from fluffbuzz.adapters.embedded.weights import Expected, disk_trouble, install, installed
from fluffbuzz.core.errors import FluffBuzzError, StorageError

pytestmark = pytest.mark.anyio


def test_other_weights_take_the_place_of_those_before(box: Box) -> None:
    before = installed(box.layout)
    assert before is not None
    fetched = box.path / "fetched"
    fetched.write_bytes(CONTENT)
    after = install(box.layout, fetched, Expected("Other.gguf", KNOWN.size, KNOWN.sha256), "other", "a test")
    assert installed(box.layout) == after
    assert not before.path.exists()


@pytest.mark.parametrize("record", ["", "{", "[]", "{}", json.dumps({"file": KNOWN.file, "model": "m"})])
def test_a_record_that_cannot_be_understood_counts_as_nothing_installed(box: Box, record: str) -> None:
    box.layout.weights_record.write_text(record, "utf-8")
    assert installed(box.layout) is None


async def test_a_place_that_cannot_be_made_is_told(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StorageError) as caught:
        await pull(tmp_path / "state" / "embedded", FromIndex(KNOWN), env, lambda *_: None)
    assert str(tmp_path / "state" / "embedded") in caught.value.message
    assert "FLUFFBUZZ_STATE_DIR" in caught.value.next_step


def test_a_place_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    error = disk_trouble(OSError(errno.EROFS, "Read-only file system"), tmp_path)
    assert error.message == f"The embedded model cannot be stored in {tmp_path}: Read-only file system."


def test_the_disk_failing_while_installing_is_told_and_what_was_there_stays(box: Box) -> None:
    before = installed(box.layout)
    fetched = box.path / "fetched"
    fetched.write_bytes(CONTENT)
    (box.path / "Other.gguf").mkdir()
    with pytest.raises(StorageError, match="cannot be stored"):
        install(box.layout, fetched, Expected("Other.gguf", KNOWN.size, KNOWN.sha256), "other", "a test")
    assert installed(box.layout) == before


async def test_waiting_for_others_who_start_it_has_an_end(box: Box) -> None:
    async with holding(box.layout.launch_lock, 1.0):
        with pytest.raises(FluffBuzzError, match="Other processes have been starting or stopping"):
            await box.ensure_running(lock=0.05)


async def test_waiting_for_others_who_fetch_it_has_an_end(
    data_dir: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluffbuzz.adapters.embedded.pull.LOCK_SECONDS", 0.05)
    layout = Layout(data_dir)
    layout.make()
    async with holding(layout.pull_lock, 1.0):
        with pytest.raises(FluffBuzzError, match="Another process has been fetching"):
            await pull(data_dir, FromIndex(KNOWN), env, lambda *_: None)
