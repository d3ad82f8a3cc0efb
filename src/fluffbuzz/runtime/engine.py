"""The engine: performs one action of the failover policy after another until it says stop.

Events before the first visible one are held back, so a call that fails leaves no trace; what became visible is never
retracted and never repeated.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import assert_never

from fluffbuzz.core.endpoint import Candidate
from fluffbuzz.core.events import Event, ReplyFailed, ReplyFinished, is_visible
from fluffbuzz.core.failover import Answered, Failed, Option, Outcome, Progress, Start, Stop, advance, begin
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.reply import Reply, ReplyFold
from fluffbuzz.core.request import ChatRequest
from fluffbuzz.core.session import Call, CallKind
from fluffbuzz.ports import CatalogStore, Clock, Transport
from fluffbuzz.providers import Provider
from fluffbuzz.runtime.exchange import Exchange
from fluffbuzz.runtime.recollection import IMAGES, Recollection


class ReplyStream:
    """An answer on its way: iterate it for events; `reply` and `calls` tell at any moment how far it is."""

    def __init__(self, events: AsyncIterator[Event], exchanges: list[Exchange]) -> None:
        self._events = events
        self._exchanges = exchanges

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    @property
    def reply(self) -> Reply:
        """What has been received, of the call that counts; nothing before the first one."""
        return self._exchanges[-1].fold.reply if self._exchanges else ReplyFold().reply

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that was made, as it ended or stands."""
        return tuple(exchange.account() for exchange in self._exchanges)


class Engine:
    """Gets a request answered."""

    def __init__(self, transport: Transport, memory: CatalogStore, clock: Clock) -> None:
        self._transport = transport
        self._memory = Recollection(memory)
        self._clock = clock

    @asynccontextmanager
    async def reply(
        self, request: ChatRequest, candidate: Candidate, provider: Provider, kind: CallKind = CallKind.ANSWER
    ) -> AsyncIterator[ReplyStream]:
        """The answer to a request; leaving the context early closes the connection to the server."""
        exchanges: list[Exchange] = []
        async with aclosing(self._perform(request, candidate, provider, kind, exchanges)) as events:
            yield ReplyStream(events, exchanges)

    async def _perform(
        self,
        request: ChatRequest,
        candidate: Candidate,
        provider: Provider,
        kind: CallKind,
        exchanges: list[Exchange],
    ) -> AsyncGenerator[Event]:
        progress, action = begin(self._refused_lately(candidate))
        while True:
            match action:
                case Start(without):
                    exchange = Exchange(request, candidate, provider, without, self._transport, self._clock, kind)
                    exchanges.append(exchange)
                    attempt = _Attempt(progress)
                    async with aclosing(attempt.events(exchange)) as events:
                        async for event in events:
                            yield event
                    self._learn(candidate, progress, attempt.outcome)
                    progress, action = advance(attempt.progress, attempt.outcome)
                    kind = CallKind.RETRY
                case Stop(failure):
                    yield ReplyFinished() if failure is None else ReplyFailed(failure)
                    return
                case _:
                    assert_never(action)

    def _refused_lately(self, candidate: Candidate) -> frozenset[Option]:
        base_url, model = candidate.endpoint.base_url, candidate.model.ref.model
        lately = {fact.option for fact in self._memory.refused_lately(base_url, model, self._clock.now())}
        return frozenset(option for option in Option if option in lately)

    def _learn(self, candidate: Candidate, progress: Progress, outcome: Outcome) -> None:
        """Remember what a server refused, once that is certain."""
        base_url, model = candidate.endpoint.base_url, candidate.model.ref.model
        if isinstance(outcome, Failed) and outcome.failure.kind is FailureKind.IMAGE_REFUSED:
            self._memory.learn_option(base_url, model, IMAGES, self._clock.now())
        if isinstance(outcome, Answered) and progress.calls:
            for option in progress.without:
                self._memory.learn_option(base_url, model, option, self._clock.now())


class _Attempt:
    """One exchange as the engine sees it: holds back what is not visible yet, and keeps the outcome."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.outcome: Outcome = Failed(Failure(FailureKind.CUT, "the call did not end"))

    async def events(self, exchange: Exchange) -> AsyncGenerator[Event]:
        held: list[Event] = []
        async with aclosing(exchange.events()) as received:
            async for event in received:
                match event:
                    case ReplyFinished():
                        self.outcome = Answered()
                    case ReplyFailed(failure):
                        self.outcome = Failed(failure)
                    case _ if self.progress.is_visible:
                        yield event
                    case _:
                        held.append(event)
                        if is_visible(event):
                            self.progress = self.progress.seen()
                            for earlier in held:
                                yield earlier
                            held.clear()
        if isinstance(self.outcome, Answered):
            for event in held:
                yield event
