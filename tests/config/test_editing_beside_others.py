"""Changes while others write too: nobody's change is overwritten, and nobody waits for ever."""

from __future__ import annotations

import threading
from pathlib import Path

import filelock
import pytest

from fluffbuzz.config import files
from fluffbuzz.config.files import Disk, locked
from fluffbuzz.core.errors import ConfigError

from .conftest import Folder


def test_a_change_made_meanwhile_is_never_overwritten(folder: Folder) -> None:
    folder.write("{}")
    seen: list[Path] = []

    def read(path: Path) -> bytes:
        data = files.read(path)
        if not seen:
            folder.write("{ /* somebody else */ }")
        seen.append(path)
        return data

    with pytest.raises(ConfigError, match="somebody else has changed it just now"):
        folder.editor(disk=Disk(read=read)).set("chat.history", "false")
    assert folder.file.read_text() == "{ /* somebody else */ }"


def test_a_file_made_meanwhile_is_never_overwritten(folder: Folder) -> None:
    def read(path: Path) -> bytes:
        if path.exists():
            return files.read(path)
        folder.write("{ /* new */ }")
        raise FileNotFoundError

    with pytest.raises(ConfigError, match="somebody else has changed it just now"):
        folder.editor(disk=Disk(read=read)).set("chat.history", "false")
    assert folder.file.read_text() == "{ /* new */ }"


def test_changes_of_many_at_once_all_arrive(folder: Folder) -> None:
    folder.write("{}")
    names = [f"V{number}" for number in range(12)]
    workers = [threading.Thread(target=lambda n=n: folder.editor().set(f"env.vars.{n}", "x")) for n in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = folder.editor().get("env.vars")
    assert found == dict.fromkeys(names, "***")


def test_a_lock_that_is_not_given_back_is_a_clear_error(folder: Folder) -> None:
    with (
        filelock.FileLock(folder.path / ".fluffbuzz.json.lock"),
        pytest.raises(ConfigError, match="Another process has been changing") as caught,
        locked(folder.file, seconds=0),
    ):
        raise AssertionError("the lock was given twice")
    assert caught.value.next_step


def test_a_symbolic_link_stays_one(folder: Folder, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "fluffbuzz.json"
    real.parent.mkdir()
    real.write_text("{}")
    folder.file.symlink_to(real)
    folder.editor().set("chat.history", "false")
    assert folder.file.is_symlink()
    assert "history: false" in real.read_text()
