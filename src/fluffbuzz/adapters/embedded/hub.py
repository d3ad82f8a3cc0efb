"""The model hub as a source of weights: its own client library in a child process, so that it can be ended at any time.

Rule: what the hub states of the file (its size and SHA-256) is said before the first byte is fetched and checked after
the last; an interrupted download goes on where it stopped. Endpoint, token and proxy are the library's configuration.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluffbuzz.adapters.embedded import Report, child
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.room import check_room
from fluffbuzz.adapters.embedded.weights import SMOLLM2, Expected, disk_trouble
from fluffbuzz.core.errors import FluffBuzzError, UsageError

MODULE = "fluffbuzz.adapters.embedded.hub_child"
QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_RAISED = re.compile(r"^[\w.]+: ")
TRY_AGAIN = "Check the network and HF_ENDPOINT, then: fluffbuzz embedded pull --from huggingface"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of weights in a repository; an empty `file` means the only one there is."""

    repository: str = SMOLLM2.repository
    file: str = SMOLLM2.file
    revision: str = SMOLLM2.revision


DEFAULT_FILE = HubFile()


def hub_file(repository: str = "", file: str = "") -> HubFile:
    """What a user asked for; what was left out is the default model's, and another repository is taken as it is now.

    Raises:
        UsageError: the file is no GGUF file.
    """
    if file and not file.endswith(".gguf"):
        raise UsageError(f"{file} is no GGUF file.", "Name one that ends in .gguf: --file NAME")
    if repository and repository != SMOLLM2.repository:
        return HubFile(repository, file, "main")
    return HubFile(file=file or SMOLLM2.file)


@dataclass(slots=True)
class _Conversation:
    """What the child has said so far, one JSON object a line."""

    layout: Layout
    report: Report
    file: Expected | None = None
    failure: dict[str, Any] | None = None

    def on_line(self, line: str) -> bool:
        """Take in a line of the child's; whatever is no JSON object is the library's talk."""
        try:
            said = json.loads(line)
        except ValueError:
            return True
        match said:
            case {"done": int(done)} if self.file is not None:
                self.report(done, self.file.size)
            case {"file": str(name), "size": int(size), "sha256": str(sha256)}:
                self.file = Expected(name.rpartition("/")[2], size, sha256)
                kept = self.layout.partial(sha256)
                check_room(self.layout.root, size - (kept.stat().st_size if kept.exists() else 0))
            case {"kind": str()}:
                self.failure = said
            case _:
                return True
        return False


async def fetch(wanted: HubFile, layout: Layout, env: Mapping[str, str], report: Report) -> tuple[Path, Expected]:
    """Fetch a file; the path and what the hub states of it, nothing of which is checked yet.

    Raises:
        FluffBuzzError: the library is not installed, or the hub does not have the file or cannot be reached.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        what = "Fetching from Hugging Face needs a package that is not installed: huggingface-hub."
        raise FluffBuzzError(what, "Install it: pip install huggingface-hub")
    conversation = _Conversation(layout, report)
    command = [sys.executable, "-P", "-m", MODULE, wanted.repository, wanted.file, wanted.revision, str(layout.root)]
    try:
        finished = await child.run(command, {**env, **QUIET}, conversation.on_line)
    except child.Stalled as stalled:
        what = f"Fetching {wanted.repository} stalled: nothing came for {child.STALL_SECONDS:.0f} seconds."
        raise FluffBuzzError(what, TRY_AGAIN, str(stalled)) from None
    if finished.status != 0 or conversation.file is None:
        raise _trouble(wanted, layout, conversation.failure, finished.output)
    return layout.partial(conversation.file.sha256), conversation.file


def _trouble(wanted: HubFile, layout: Layout, failure: Mapping[str, Any] | None, output: str) -> FluffBuzzError:
    if "No space left on device" in output:
        return disk_trouble(OSError(errno.ENOSPC, "No space left on device"), layout.root)
    place = "/".join(part for part in (wanted.repository, wanted.file) if part)
    facts = failure or {"message": _RAISED.sub("", output.strip().rpartition("\n")[2])}
    said = child.without_secrets(str(facts["message"])).rstrip(".") or "the library failed without saying why"
    match facts.get("kind"):
        case "repository":
            what = f"There is no repository {wanted.repository}, or it is closed to you"
            step = "Name another: --repo OWNER/NAME. For a closed one set HF_TOKEN."
        case "gated":
            what = f"The repository {wanted.repository} asks you to accept its terms first"
            step = "Do so on its page and set HF_TOKEN."
        case "file":
            what, step = f"There is no file {place} on the hub ({said})", "Name another: --file NAME"
        case "choice":
            what, step = f"{wanted.repository} has several GGUF files", f"Choose one with --file NAME: {said}"
        case "unchecked":
            what, step = f"The hub states no SHA-256 for {place}, so it could not be checked", "Name another file."
        case "offline":
            what, step = "HF_HUB_OFFLINE forbids to ask the hub", "Unset it, or: fluffbuzz embedded pull"
        case _:
            what, step = f"{place} could not be fetched from the hub. {said}", TRY_AGAIN
    return FluffBuzzError(what + ".", step, output)
