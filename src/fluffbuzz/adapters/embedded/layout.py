"""The names of everything that lies in the embedded model's data directory, and who may write each.

Rule: what several processes touch is written under one of the locks below, and a lock is freed by the operating system
when its holder dies, however it dies.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fluffbuzz.core.errors import StorageError

PRIVATE = 0o700
STAGING_PREFIX = ".fetching-"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below `root`."""

    root: Path

    @property
    def weights_record(self) -> Path:
        """What was fetched: file name, size, SHA-256, source. Written last, under `pull_lock`."""
        return self.root / "weights.json"

    @property
    def pull_lock(self) -> Path:
        """Held by the process that fetches."""
        return self.root / "pull.lock"

    @property
    def launch_lock(self) -> Path:
        """Held by whoever looks for the service, starts or ends it, and by a service on its way out as idle."""
        return self.root / "launch.lock"

    @property
    def service_lock(self) -> Path:
        """Held by the service as long as it lives: the proof that it does."""
        return self.root / "service.lock"

    @property
    def service_pid(self) -> Path:
        """The process id of the holder of `service_lock`."""
        return self.root / "service.pid"

    @property
    def service_state(self) -> Path:
        """Where the service answers and with which key; there only while it does."""
        return self.root / "service.json"

    @property
    def service_log(self) -> Path:
        """What the service has to say, bounded."""
        return self.root / "service.log"

    @property
    def used(self) -> Path:
        """Touched by everybody who asks for the service."""
        return self.root / "used"

    def staging(self, token: str) -> Path:
        """A directory for one attempt to fetch."""
        return self.root / f"{STAGING_PREFIX}{token}"

    def partial(self, sha256: str) -> Path:
        """A file that is being fetched and can be taken up again."""
        return self.root / f".partial-{sha256}"

    def is_made(self) -> bool:
        """Whether the directory is there; without it nothing can be running or installed."""
        return self.root.is_dir()

    def make(self) -> None:
        """Make the directory, for its owner alone.

        Raises:
            StorageError: it cannot be made.
        """
        try:
            self.root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            what = f"The directory of the embedded model, {self.root}, cannot be made: {error.strerror}."
            raise StorageError(what, "Make room or give write access there, or set FLUFFBUZZ_STATE_DIR.") from error
