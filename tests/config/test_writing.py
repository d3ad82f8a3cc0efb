"""Writing: whole or not at all, whatever fails and whenever the process dies."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fluffbuzz.config import files
from fluffbuzz.config.files import Disk
from fluffbuzz.core.errors import ConfigError

from .conftest import Folder

OLD, NEW = "{ /* old */ }", "{ /* old */\n  chat: {\n    history: false,\n  },\n}"
STEPS = ("open", "write", "chmod", "sync", "replace")


def failing(step: str, error: OSError, after: int = 0) -> Disk:
    """A disk of which one step fails, perhaps only after it worked some times."""
    works = getattr(Disk(), step)
    left = [after]

    def fail(*arguments: Any) -> Any:
        if not left[0]:
            raise error
        left[0] -= 1
        return works(*arguments)

    return replace(Disk(), **{step: fail})


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text", [OLD, None])
def test_a_step_that_fails_leaves_the_old_file_and_nothing_else(step: str, text: str | None, folder: Folder) -> None:
    if text:
        folder.write(text)
    error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(ConfigError) as caught:
        folder.editor(disk=failing(step, error)).set("chat.history", "false")
    assert caught.value.message == f"{folder.file} was not changed: no space left on device."
    assert caught.value.next_step == "Make room on the disk."
    assert "ENOSPC" in caught.value.detail or "28" in caught.value.detail
    assert (folder.file.read_text() if folder.file.exists() else None) == text
    assert {path.name for path in folder.path.iterdir()} <= {"fluffbuzz.json", ".fluffbuzz.json.lock"}
    folder.editor().set("chat.history", "false")
    assert folder.editor().get("chat.history") is False


@pytest.mark.parametrize(("step", "after"), [("open", 1), ("sync", 1)])
def test_a_directory_that_cannot_be_flushed_is_no_failure(step: str, after: int, folder: Folder) -> None:
    folder.write(OLD)
    disk = failing(step, OSError(errno.EINVAL, "Invalid argument"), after)
    assert folder.editor(disk=disk).set("chat.history", "false").is_written
    assert folder.file.read_text() == NEW


def test_a_file_that_cannot_be_put_away_does_not_hide_the_failure(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(OLD)

    def stuck(path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", stuck)
    with pytest.raises(ConfigError, match="input/output error"):
        folder.editor(disk=failing("replace", OSError(errno.EIO, "Input/output error"))).set("chat.history", "false")
    assert folder.file.read_text() == OLD


def test_a_disk_that_writes_little_by_little_is_written_to_the_end(folder: Folder) -> None:
    def little(file: int, data: bytes) -> int:
        return os.write(file, data[:3])

    folder.write(OLD)
    folder.editor(disk=Disk(write=little)).set("chat.history", "false")
    assert folder.file.read_text() == NEW


def test_a_directory_that_cannot_be_made_or_read_is_a_clear_error(folder: Folder) -> None:
    blocked = folder.write("", "file") / "below" / "fluffbuzz.json"
    with pytest.raises(ConfigError) as caught:
        replace(folder.editor(), path=blocked).set("chat.history", "false")
    assert "was not changed: not a directory" in caught.value.message
    assert "FLUFFBUZZ_CONFIG_PATH" in caught.value.next_step
    folder.file.mkdir()
    with pytest.raises(ConfigError, match="was not changed: it is a directory"):
        folder.editor().set("chat.history", "false")


def test_what_an_earlier_death_left_behind_is_replaced(folder: Folder) -> None:
    folder.write(OLD)
    folder.write("half", ".fluffbuzz.json.new").chmod(0o644)
    folder.editor().set("chat.history", "false")
    assert folder.file.read_text() == NEW
    assert not (folder.path / ".fluffbuzz.json.new").exists()


DIE = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from fluffbuzz.config.files import Disk, write

step, left, path, text = sys.argv[1], [int(sys.argv[2])], Path(sys.argv[3]), sys.argv[4]
works = getattr(Disk(), step)

def die(*arguments):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return works(*arguments)

write(path, text.encode(), replace(Disk(), **{step: die}))
"""
"""Writes, and dies without any farewell just before one step."""


@pytest.mark.parametrize(
    ("step", "after", "left"),
    [
        ("open", 0, OLD),
        ("write", 0, OLD),
        ("chmod", 0, OLD),
        ("sync", 0, OLD),
        ("replace", 0, OLD),
        ("open", 1, NEW),
        ("sync", 1, NEW),
    ],
)
def test_a_process_killed_at_any_step_leaves_one_whole_file(step: str, after: int, left: str, folder: Folder) -> None:
    folder.write(OLD)
    killed = subprocess.run([sys.executable, "-c", DIE, step, str(after), folder.file, NEW], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert folder.file.read_text() == left


def test_reading_is_bounded(folder: Folder) -> None:
    path = folder.write(b"x" * files.MAX_FILE_BYTES, "just")
    assert len(files.read(path)) == files.MAX_FILE_BYTES
    with pytest.raises(files.TooLarge):
        files.read(folder.write(b"x" * (files.MAX_FILE_BYTES + 1), "more"))
