"""The child process that fetches one file from the model hub; it says what it does in JSON lines on standard output.

    python -m fluffbuzz.adapters.embedded.hub_child REPOSITORY FILE REVISION DIRECTORY

Lines: `{"file", "size", "sha256"}` before the first byte, `{"done"}` on the way, `{"kind", "message"}` for a failure
that has a name; any other one ends in a traceback. The rule: the file grows as DIRECTORY/.partial-SHA256 and is taken
up where an earlier run left it.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fluffbuzz.adapters.embedded.layout import Layout

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TELL_SECONDS = 0.2
SHOWN = 12
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _Trouble(Exception):
    """A failure with a name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Growing(io.BufferedWriter):
    """A file that tells how long it is, a few times a second."""

    _told = 0.0

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, and tell now and then; where nobody listens any more, that ends this process."""
        written = super().write(data)
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            _say(done=self.tell())
        return written


def main(arguments: Sequence[str]) -> int:
    """Fetch; the exit status is 0 where the whole file is there."""
    from huggingface_hub import errors

    repository, file, revision, directory = arguments
    try:
        _fetch(repository, file or _only_file(repository, revision), revision, Layout(Path(directory)))
    except _Trouble as trouble:
        return _fail(trouble.kind, trouble)
    except errors.GatedRepoError as error:
        return _fail("gated", error)
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        return _fail("repository", error)
    except errors.EntryNotFoundError as error:
        return _fail("file", error)
    except errors.OfflineModeIsEnabled as error:
        return _fail("offline", error)
    except errors.HfHubHTTPError as error:
        return _fail("status", error)
    return 0


def _only_file(repository: str, revision: str) -> str:
    from huggingface_hub import HfApi

    names = sorted(each for each in HfApi().list_repo_files(repository, revision=revision) if each.endswith(".gguf"))
    match names:
        case [name]:
            return name
        case []:
            raise _Trouble("file", "it holds no GGUF file at all")
        case _:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise _Trouble("choice", ", ".join(names[:SHOWN]) + more)


def _fetch(repository: str, file: str, revision: str, layout: Layout) -> None:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented, not marked

    url = hf_hub_url(repository, file, revision=revision)
    stated = get_hf_file_metadata(url)
    sha256 = stated.etag or ""
    if stated.size is None or not _SHA256.fullmatch(sha256):
        raise _Trouble("unchecked", "no size or no SHA-256")
    _say(file=file, size=stated.size, sha256=sha256)
    headers = build_hf_headers()
    if urlsplit(stated.location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # the place where the bytes lie is another host, and signed by itself
    partial = layout.partial(sha256)
    if partial.exists() and partial.stat().st_size > stated.size:
        partial.unlink()
    with _Growing(io.FileIO(partial, "ab")) as target:
        have = target.tell()
        http_get(stated.location, target, resume_size=have, headers=headers, expected_size=stated.size)
        _say(done=target.tell())


def _fail(kind: str, error: Exception) -> int:
    _say(kind=kind, message=next(iter(str(error).strip().splitlines()), kind))
    return 1


def _say(**facts: str | int) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
