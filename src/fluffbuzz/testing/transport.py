"""A transport that plays from a book: which requests are expected, in which order, and how each is answered.

Rule: nothing is left to chance and nothing is overlooked. A request that the book does not expect fails at once; steps
that nobody asked for fail at the end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from fluffbuzz.core.deadlines import Deadlines
from fluffbuzz.core.failure import Failure
from fluffbuzz.ports import HttpRequest, TransportFault
from fluffbuzz.testing.pause import Pause

Piece = bytes | Failure | Pause
"""Of a scripted body: bytes that arrive together, a fault that breaks it off, or a wait."""


class UnexpectedRequest(AssertionError):
    """The code under test asked for something that the book does not hold at this place."""


@dataclass(frozen=True, slots=True)
class Expect:
    """What a request must be like; what is not named may be anything.

    Attributes:
        url: the whole URL.
        headers: each must be there with exactly this value.
        body: fields of the JSON body, each with exactly this value.
        without: fields that the JSON body must not have.
    """

    method: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    without: Sequence[str] = ()

    def differences(self, request: HttpRequest) -> list[str]:
        """What of it the request does not fulfil, for people."""
        found: list[str] = []
        for name, wanted, got in (("method", self.method, request.method), ("url", self.url, request.url)):
            if wanted and wanted != got:
                found.append(f"{name}: expected {wanted}, got {got}")
        for name, value in self.headers.items():
            if request.headers.get(name) != value:
                found.append(f"header {name}: expected {value!r}, got {request.headers.get(name)!r}")
        sent = orjson.loads(request.body) if self.body or self.without else {}
        for name, value in self.body.items():
            if sent.get(name) != value:
                found.append(f"body field {name}: expected {value!r}, got {sent.get(name)!r}")
        return found + [
            f"body field {name}: expected none, got {sent[name]!r}" for name in self.without if name in sent
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """A scripted response.

    Attributes:
        pieces: its body, piece by piece; a `Failure` among them is raised as `TransportFault` at that place.
        before: a wait before even the status arrives.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    pieces: Sequence[Piece] = ()
    before: Pause | None = None

    @classmethod
    def json(cls, value: object, status: int = 200) -> Self:
        """A whole JSON document."""
        return cls(status, {"content-type": "application/json"}, (orjson.dumps(value),))

    @classmethod
    def events(cls, *payloads: object, status: int = 200) -> Self:
        """Server-sent events, one piece each: JSON values, `[DONE]` as it stands; `Piece`s are taken as they are."""
        return cls(status, pieces=tuple(_piece(payload) for payload in payloads))


def _piece(payload: object) -> Piece:
    if isinstance(payload, bytes | Failure | Pause):
        return payload
    text = payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
    return b"data: " + text + b"\n\n"


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the book and its answer; a `Failure` means that no answer came at all."""

    expect: Expect
    answer: Answer | Failure


@dataclass(slots=True)
class Opened:
    """A request that was made: what it was, and whether its response is closed and was read to the end."""

    request: HttpRequest
    deadlines: Deadlines
    is_closed: bool = False
    is_read_to_end: bool = False

    @property
    def body(self) -> Any:
        """The JSON body."""
        return orjson.loads(self.request.body)


class _Response:
    def __init__(self, answer: Answer, opened: Opened) -> None:
        self._answer = answer
        self._opened = opened

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self._answer.headers.items()}

    async def chunks(self) -> AsyncGenerator[bytes]:
        for piece in self._answer.pieces:
            match piece:
                case Pause():
                    await piece.hold()
                case Failure():
                    raise TransportFault(piece)
                case bytes():
                    yield piece
        self._opened.is_read_to_end = True


class ScriptedTransport:
    """Fulfils `ports.Transport` from a list of steps; as a context it complains at its end about steps left over.

    Attributes:
        opened: every request that was made, in order.
    """

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.opened: list[Opened] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.check_done()

    def check_done(self) -> None:
        """Complain about steps that nobody asked for.

        Raises:
            AssertionError: there are some.
        """
        if self._steps:
            left = ", ".join(f"{step.expect.method} {step.expect.url}".strip() or "any" for step in self._steps)
            raise AssertionError(f"{len(self._steps)} step(s) of the book were not asked for: {left}")

    @asynccontextmanager
    async def open(self, request: HttpRequest, deadlines: Deadlines) -> AsyncIterator[_Response]:
        """Check a request against the next step, and answer it."""
        step = self._next(request)
        opened = Opened(request, deadlines)
        self.opened.append(opened)
        try:
            if isinstance(step.answer, Failure):
                raise TransportFault(step.answer)
            if step.answer.before:
                await step.answer.before.hold()
            yield _Response(step.answer, opened)
        finally:
            opened.is_closed = True

    def _next(self, request: HttpRequest) -> Step:
        if not self._steps:
            raise UnexpectedRequest(f"the book has no step left for {request.method} {request.url}")
        differences = self._steps[0].expect.differences(request)
        if differences:
            raise UnexpectedRequest(f"{request.method} {request.url} is not what is expected: {'; '.join(differences)}")
        return self._steps.pop(0)
