"""Raw responses of real servers, as they came off the socket, with the request that each answers beside it.

A recording is `recordings/<server>/…/<name>.http` (status line, headers, body, chunked framing included) and
`<name>.request.json`. The parser here is deliberately small and strict: a recording that it cannot read is broken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).with_name("recordings")


@dataclass(frozen=True)
class Recording:
    """One response: `pieces` are the chunks of the body as the server framed them, `body` is all of them."""

    name: str
    status: int
    headers: dict[str, str]
    pieces: tuple[bytes, ...]
    request: dict[str, Any]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def names() -> list[str]:
    """All recordings, as `server/…/name`."""
    return sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.rglob("*.http"))


@cache
def load(name: str) -> Recording:
    """The recording of that name."""
    status, headers, pieces = parse((ROOT / f"{name}.http").read_bytes())
    request = json.loads((ROOT / f"{name}.request.json").read_text("utf-8"))
    return Recording(name, status, headers, pieces, request)


def parse(raw: bytes) -> tuple[int, dict[str, str], tuple[bytes, ...]]:
    """Status, headers with names in lower case, and the pieces of the body of a raw HTTP/1.1 response."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator:
        raise ValueError("the head of the response does not end")
    status_line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    status = int(status_line.split(" ", 2)[1])
    if headers.get("transfer-encoding") == "chunked":
        return status, headers, _dechunk(body)
    if int(headers["content-length"]) != len(body):
        raise ValueError("the body is not as long as its head says")
    return status, headers, (body,) if body else ()


def _dechunk(framed: bytes) -> tuple[bytes, ...]:
    pieces: list[bytes] = []
    while True:
        size, separator, rest = framed.partition(b"\r\n")
        length = int(size, 16)
        piece, end, framed = rest[:length], rest[length : length + 2], rest[length + 2 :]
        if not separator or len(piece) != length or end != b"\r\n":
            raise ValueError("a chunk is cut")
        if length == 0:
            if framed:
                raise ValueError("something follows the last chunk")
            return tuple(pieces)
        pieces.append(piece)
