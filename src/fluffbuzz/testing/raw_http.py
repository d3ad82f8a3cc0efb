"""HTTP as bytes: requests exactly as they came over the socket, and answers exactly as they are to leave.

Nothing here is lenient or clever: a test says byte for byte what a server sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

import orjson

from fluffbuzz.testing.pause import Pause

MAX_HEAD = 64 * 1024
"""Bytes of a request's head."""


@dataclass(slots=True)
class ReceivedRequest:
    """A request as it came.

    Attributes:
        head: request line and headers, up to and with the empty line.
        body: what followed, framing included.
        connection: the number of its connection, counted from 1.
        is_abandoned: whether the client left before the answer was complete.
        ended: set once the answer is complete or the client has left.
    """

    head: bytes
    body: bytes
    connection: int
    is_abandoned: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def method(self) -> str:
        """The first word of the request line."""
        return self.head.split(b" ", 1)[0].decode("latin-1")

    @property
    def target(self) -> str:
        """The second word of the request line: path and query, or a whole URL towards a proxy."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All header fields in their order and spelling."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]

    def header(self, name: str) -> str | None:
        """The value of a field, whatever its case; None where there is none."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


async def read_request(reader: asyncio.StreamReader, connection: int) -> ReceivedRequest | None:
    """The next request of a connection, or None where the client sends no more."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        request = ReceivedRequest(head, b"", connection)
        if (length := request.header("content-length")) is not None:
            request.body = await reader.readexactly(int(length))
        elif (request.header("transfer-encoding") or "").lower() == "chunked":
            request.body = await reader.readuntil(b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return request


class End(Enum):
    """How a server ends a connection before its time."""

    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Delay:
    """Real seconds for which a slow server waits; a `Pause` is better wherever one will do."""

    seconds: float


Action = bytes | Pause | Delay | End
"""Of an answer: bytes that are written and sent off, a wait, or an end of the connection."""

Responder = Callable[[ReceivedRequest], AsyncGenerator[Action]]
"""What answers requests: an async generator of actions; it is closed where the client leaves."""


def response(
    body: bytes = b"",
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A whole response with its length."""
    fields = {"server": "uvicorn", "content-length": str(len(body)), "content-type": content_type, **(headers or {})}
    return _head(status, fields) + body


def json_response(value: object, status: int = 200) -> bytes:
    """A JSON document as a whole response."""
    return response(orjson.dumps(value), status)


def redirect(location: str, status: int = 307) -> bytes:
    """A response that sends the client elsewhere."""
    return _head(status, {"location": location, "content-length": "0"})


def stream_head(content_type: str = "text/event-stream; charset=utf-8", status: int = 200) -> bytes:
    """The head of a response in chunks."""
    return _head(status, {"server": "uvicorn", "content-type": content_type, "transfer-encoding": "chunked"})


def chunk(data: bytes) -> bytes:
    """One chunk of a response in chunks."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"
"""The end of a response in chunks."""


def event(payload: object) -> bytes:
    """One server-sent event as a chunk: a JSON value, or a text such as `[DONE]` as it stands."""
    text = payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
    return chunk(b"data: " + text + b"\n\n")


def event_stream(*payloads: object) -> Sequence[Action]:
    """A whole stream of events; actions among the payloads are taken as they are."""
    pieces = [each if isinstance(each, bytes | Pause | Delay | End) else event(each) for each in payloads]
    return [stream_head(), *pieces, LAST_CHUNK]


def split(data: bytes, size: int = 1) -> Sequence[bytes]:
    """Bytes in pieces of that size, each written by itself."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    phrase = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
