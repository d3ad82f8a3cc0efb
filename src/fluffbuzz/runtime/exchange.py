"""One call to one candidate: request out, events in, and an account of it whatever happens.

The account (`Call`) is written on every way out, cancellation included, so no token that was reported is ever lost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

from fluffbuzz.core.credential import hide
from fluffbuzz.core.deadlines import Deadlines, deadlines_for
from fluffbuzz.core.endpoint import Candidate, headers_for, secrets_of
from fluffbuzz.core.events import ChoiceFinished, Event, ReplyFailed, ReplyFinished, is_visible
from fluffbuzz.core.failover import Option
from fluffbuzz.core.failure import Failure, FailureKind, Wording, classify
from fluffbuzz.core.reply import ReplyFold
from fluffbuzz.core.request import ChatRequest
from fluffbuzz.core.route import permits
from fluffbuzz.core.session import Call, CallKind, CallOutcome, Timings
from fluffbuzz.core.usage import ZERO
from fluffbuzz.ports import Clock, HttpRequest, HttpResponse, Transport, TransportFault
from fluffbuzz.providers import Provider
from fluffbuzz.wire.openai_chat_reply import ChatDecoder, decode_reply
from fluffbuzz.wire.openai_chat_request import Extras, encode_request
from fluffbuzz.wire.openai_errors import decode_error

MAX_ERROR_BODY = 64 * 1024
"""Bytes of an error response that are read."""

MAX_WHOLE_REPLY = 64 * 1024 * 1024
"""Bytes of an unstreamed answer that are read."""


_NEVER_ARRIVED = frozenset(
    {
        FailureKind.REFUSED,
        FailureKind.NAME_NOT_FOUND,
        FailureKind.CONNECT_TIMEOUT,
        FailureKind.TLS,
        FailureKind.REDIRECTED,
    }
)


@dataclass(slots=True)
class Exchange:
    """A call while it runs; `events()` is iterated once, `account()` may be asked afterwards."""

    request: ChatRequest
    candidate: Candidate
    provider: Provider
    without: frozenset[Option]
    transport: Transport
    clock: Clock
    kind: CallKind
    fold: ReplyFold = field(default_factory=ReplyFold)
    _started_at: float = 0.0
    _started: float = 0.0
    _first: float | None = None
    _ended: float | None = None
    _stop: str = ""
    _failure: Failure | None = None
    _is_whole: bool = False
    _is_turned_away: bool = False

    async def events(self) -> AsyncGenerator[Event]:
        """What the server tells; ends with exactly one `ReplyFinished` or `ReplyFailed` unless it is cancelled.

        What arrived together is noted before any of it is handed on: whoever stops listening in between loses nothing.
        """
        self._started_at, self._started = self.clock.now(), self.clock.monotonic()
        try:
            async with aclosing(self._received()) as received:
                async for found in received:
                    together = [self._discreet(event) for event in found]
                    for event in together:
                        self._note(event)
                    for event in together:
                        yield event
        finally:
            self._ended = self.clock.monotonic()

    async def _received(self) -> AsyncGenerator[Sequence[Event]]:
        try:
            async with self.transport.open(self._http_request(), self._deadlines) as response:
                if response.status >= 300:
                    yield [ReplyFailed(await self._refusal(response))]
                elif "text/html" in response.headers.get("content-type", ""):
                    yield [ReplyFailed(Failure(FailureKind.PROTOCOL, "it answered with a web page", response.status))]
                elif "json" in response.headers.get("content-type", ""):
                    yield decode_reply(await read_bounded(response, MAX_WHOLE_REPLY), self._wordings)
                else:
                    decoder = ChatDecoder(self._wordings)
                    async with aclosing(response.chunks()) as chunks:
                        async for chunk in chunks:
                            yield decoder.feed(chunk)
                            if decoder.is_over:
                                return
                    yield decoder.close()
        except TransportFault as fault:
            yield [ReplyFailed(fault.failure)]

    async def _refusal(self, response: HttpResponse) -> Failure:
        self._is_turned_away = 400 <= response.status < 500
        body = await _read_beginning(response, MAX_ERROR_BODY)
        return classify(decode_error(response.status, response.headers, body), self._wordings)

    def _http_request(self) -> HttpRequest:
        endpoint, model = self.candidate.endpoint, self.candidate.model
        known = self.provider.extras
        extras = Extras(
            known.usage and Option.STREAM_OPTIONS not in self.without, known.continuous_usage, known.continuation
        )
        body = encode_request(self.request, model, permits(endpoint.route, model.compat), extras)
        headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        headers |= headers_for(endpoint, self.candidate.credential)
        headers |= {name.lower(): secret.reveal() for name, secret in model.headers.items()}
        return HttpRequest("POST", f"{endpoint.base_url}/chat/completions", headers, body, endpoint.ca_file)

    @property
    def _deadlines(self) -> Deadlines:
        return deadlines_for(is_local=self.candidate.endpoint.route.is_local)

    @property
    def _wordings(self) -> Sequence[Wording]:
        return self.provider.wordings

    def _discreet(self, event: Event) -> Event:
        """The event; a failure in whose words the server or a library quotes a secret is told without it."""
        if not isinstance(event, ReplyFailed):
            return event
        secrets = secrets_of(self.candidate.endpoint, self.candidate.credential)
        words = hide([*secrets, *self.candidate.model.headers.values()], event.failure.message)
        return ReplyFailed(replace(event.failure, message=words))

    def _note(self, event: Event) -> None:
        self.fold.feed(event)
        if self._first is None and is_visible(event):
            self._first = self.clock.monotonic()
        match event:
            case ChoiceFinished(reason, 0):
                self._stop = reason
            case ReplyFinished():
                self._is_whole = True
            case ReplyFailed(failure):
                self._failure = failure
            case _:
                pass

    def account(self) -> Call:
        """The call as it ended, or as it stands."""
        ended = self.clock.monotonic() if self._ended is None else self._ended
        first = None if self._first is None else self._first - self._started
        return Call(
            kind=self.kind,
            model=str(self.candidate.model.ref),
            base_url=self.candidate.endpoint.base_url,
            credential=str(self.candidate.credential or "none"),
            started=self._started_at,
            usage=ZERO if self._cost_nothing() else self.fold.reply.usage,
            timings=Timings(first, ended - self._started),
            outcome=self._outcome(),
            finish=self._stop,
            failure=self._failure.kind if self._failure else "",
            message=self._failure.message if self._failure else "",
        )

    def _cost_nothing(self) -> bool:
        """Whether the request certainly never reached a model."""
        return self._is_turned_away or (self._failure is not None and self._failure.kind in _NEVER_ARRIVED)

    def _outcome(self) -> CallOutcome:
        if self._is_whole:
            return CallOutcome.ANSWERED
        if self._failure is None:
            return CallOutcome.CANCELLED
        return CallOutcome.FAILED if self._first is None else CallOutcome.CUT


async def _read_beginning(response: HttpResponse, limit: int) -> bytes:
    """What can be had of a body, up to a limit of bytes: the status has said already that it is an error."""
    body = bytearray()
    with suppress(TransportFault):
        async with aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) >= limit:
                    break
    return bytes(body[:limit])


async def read_bounded(response: HttpResponse, limit: int) -> bytes:
    """A body up to a limit of bytes.

    Raises:
        TransportFault: it is longer, or it broke off.
    """
    body = bytearray()
    async with aclosing(response.chunks()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise TransportFault(Failure(FailureKind.PROTOCOL, f"the answer is longer than {limit:,} bytes"))
    return bytes(body)
