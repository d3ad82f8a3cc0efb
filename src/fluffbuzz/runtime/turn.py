"""One turn of a conversation: stored before anything is sent, saved while it arrives, accounted for however it ends.

`kill -9` loses at most the last `CHECKPOINT_EVERY` seconds of an answer. Trouble with the store while an answer
arrives never stops the answer: it is told afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Self

from fluffbuzz.core.errors import StorageError
from fluffbuzz.core.events import Event, ReplyFailed, is_visible
from fluffbuzz.core.failure import Failure, FailureKind, is_about_the_request
from fluffbuzz.core.messages import Message, Role, Text, Thinking
from fluffbuzz.core.reply import Reply
from fluffbuzz.core.request import ChatRequest
from fluffbuzz.core.session import Call, CallKind, CallOutcome
from fluffbuzz.core.usage import Count, Usage, total
from fluffbuzz.ports import Clock, OpenTurn, Retreat, SessionStore
from fluffbuzz.runtime.engine import Engine, ReplyStream
from fluffbuzz.runtime.selection import Selection

CHECKPOINT_EVERY = 1.0
"""Seconds between two savings of a growing answer."""


class Turn:
    """An answer on its way into its session: an async context to iterate for events.

    Attributes:
        failure: why the answer is incomplete, once it ended so.
        storage_trouble: why the answer could not be stored, if in the end it could not.
    """

    def __init__(
        self,
        store: SessionStore,
        engine: Engine,
        clock: Clock,
        selection: Selection,
        request: ChatRequest,
        opened: OpenTurn,
        retreat: Retreat | None = None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._selection = selection
        self._request = request
        self._opened = opened
        self._retreat = retreat
        self._stack = AsyncExitStack()
        self._stream: ReplyStream | None = None
        self._is_dirty = False
        self.failure: Failure | None = None
        self.storage_trouble: StorageError | None = None

    @property
    def selection(self) -> Selection:
        """Who answers."""
        return self._selection

    @property
    def session(self) -> str:
        """The session's id."""
        return self._opened.session

    async def __aenter__(self) -> Self:
        kind = CallKind.CONTINUATION if self._request.takes_up else CallKind.ANSWER
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._store_end)
            reply = self._engine.reply(self._request, self._selection.candidate, self._selection.provider, kind)
            self._stream = await stack.enter_async_context(reply)
            if self._request.takes_up:
                with self._minding_the_store():
                    await self._store.checkpoint(self._opened, self.answer)
            saving = asyncio.create_task(self._save_now_and_then())  # ends with this context, in `_stop`
            stack.push_async_callback(_stop, saving)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def __aiter__(self) -> AsyncIterator[Event]:
        assert self._stream is not None, "iterate a turn inside its context"
        async for event in self._stream:
            self._is_dirty = self._is_dirty or is_visible(event)
            if isinstance(event, ReplyFailed):
                self.failure = event.failure
            yield event

    @property
    def reply(self) -> Reply:
        """What has been received."""
        assert self._stream is not None, "a turn has a reply once it is entered"
        return self._stream.reply

    @property
    def answer(self) -> Message:
        """The answer as it stands in the conversation: what was taken up, then what was received."""
        received = self.reply.first.message
        if not self._request.takes_up:
            return received
        begun = self._request.messages[-1]
        thoughts = [part for message in (begun, received) for part in message.parts if isinstance(part, Thinking)]
        return Message(Role.ASSISTANT, (*thoughts, Text(begun.text + received.text), *received.tool_calls))

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that the turn made."""
        return self._stream.calls if self._stream else ()

    @property
    def usage(self) -> Usage:
        """The tokens of the whole turn: the sum of its calls."""
        return total(call.usage for call in self.calls)

    @property
    def context(self) -> Count:
        """How full the context is: prompt and answer of the last call."""
        return self.calls[-1].usage.context if self.calls else Count()

    async def _save_now_and_then(self) -> None:
        while True:
            await self._clock.sleep(CHECKPOINT_EVERY)
            if self._is_dirty:
                self._is_dirty = False
                with self._minding_the_store():
                    await self._store.checkpoint(self._opened, self.answer)

    async def _store_end(self) -> None:
        if not self._stream:
            return
        calls = self.calls
        outcome = calls[-1].outcome if calls else CallOutcome.CANCELLED
        retreat = self._retreat if calls and _is_refused(calls[-1]) else None
        with self._minding_the_store():
            await self._store.end_turn(self._opened, self.answer, outcome, calls, retreat)
            self.storage_trouble = None  # a checkpoint that could not be made is made up for

    def _minding_the_store(self) -> _StoreTrouble:
        return _StoreTrouble(self)


def _is_refused(call: Call) -> bool:
    return bool(call.failure) and is_about_the_request(FailureKind(call.failure))


class _StoreTrouble:
    """Keeps the first trouble with the store for later instead of letting it end an answer."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, StorageError):
            self._turn.storage_trouble = self._turn.storage_trouble or error
            return True
        return False


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
