"""A turn: stored before anything is sent, saved while it arrives, accounted for however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.runtime.scene import (
    CHAT,
    DONE,
    HELLO,
    NO_STREAM_OPTIONS,
    PARIS,
    counts,
    ends,
    refuses,
    says,
    selection,
    text_of,
    thinks,
)

from fluffbuzz.core.errors import StorageError
from fluffbuzz.core.events import Event, TextDelta
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.messages import Message, Role, Text, Thinking, assistant, user
from fluffbuzz.core.request import ChatRequest
from fluffbuzz.core.session import CallKind, CallOutcome, MessageState, Session, StoredMessage
from fluffbuzz.core.usage import Usage, estimated, exact
from fluffbuzz.ports import OpenTurn, Retreat
from fluffbuzz.runtime.engine import Engine
from fluffbuzz.runtime.turn import CHECKPOINT_EVERY, Turn
from fluffbuzz.testing import Answer, FakeClock, MemoryCatalogStore, MemorySessionStore, Pause, ScriptedTransport, Step

pytestmark = pytest.mark.anyio

FULL = StorageError("The disk is full.")
LOST = Failure(FailureKind.CONNECTION_LOST, "connection reset")
TOO_LONG = refuses(400, "This model's maximum context length is 4096 tokens.")


class SlowStore(MemorySessionStore):
    """Tells that it has stored an end only when it is let: as a disk does that is busy."""

    def __init__(self) -> None:
        super().__init__()
        self.pause = Pause()

    async def end_turn(self, *ending: Any) -> None:
        await super().end_turn(*ending)
        await self.pause.hold()


class Scene:
    """A session, a playbook, and turns over both."""

    def __init__(self, clock: FakeClock, store: MemorySessionStore, *steps: Step) -> None:
        self.transport = ScriptedTransport(*steps)
        self.clock = clock
        self.store = store
        self.events: list[Event] = []
        self._engine = Engine(self.transport, MemoryCatalogStore(), clock)

    async def begin(self, request: ChatRequest = HELLO, retreat: Retreat | None = None) -> Turn:
        self.session = await self.store.create()
        self.opened: OpenTurn = await self.store.begin_turn(self.session.id, user("Hello"))
        return Turn(self.store, self._engine, self.clock, selection(), request, self.opened, retreat)

    async def run(self, turn: Turn) -> Turn:
        async with turn:
            async for event in turn:
                self.events.append(event)
        return turn

    async def stored(self) -> StoredMessage:
        """The answer as it stands in the store."""
        messages = await self.store.everything(self.session.id)
        return next(each for each in messages if each.id == self.opened.answer)

    async def now(self) -> Session:
        found = await self.store.find(self.session.id)
        assert found is not None
        return found


Setting = Callable[..., Scene]


@pytest.fixture
def scene(clock: FakeClock, store: MemorySessionStore) -> Setting:
    return lambda *answers: Scene(clock, store, *[Step(CHAT, answer) for answer in answers])


class TestHowItEnds:
    async def test_a_whole_answer_is_stored_whole(self, scene: Setting) -> None:
        stage = scene(PARIS)
        turn = await stage.run(await stage.begin())
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Paris."), MessageState.WHOLE)
        assert stored.model == "vllm/org/small"
        assert turn.failure is None
        assert turn.storage_trouble is None

    async def test_a_broken_answer_is_kept_as_far_as_it_came(self, scene: Setting) -> None:
        stage = scene(Answer.events(says("Par"), LOST))
        turn = await stage.run(await stage.begin())
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Par"), MessageState.CUT)
        assert turn.failure == LOST

    async def test_a_failure_without_an_answer_leaves_the_question_as_the_leaf(self, scene: Setting) -> None:
        stage = scene(LOST)
        turn = await stage.run(await stage.begin())
        assert [each.message for each in await stage.store.everything(stage.session.id)] == [user("Hello")]
        assert (await stage.now()).leaf == stage.opened.user_message
        assert turn.failure == LOST

    async def test_a_question_that_was_refused_is_out_of_the_branch_and_stays_in_the_tree(self, scene: Setting) -> None:
        stage = scene(TOO_LONG)
        await stage.run(await stage.begin(retreat=Retreat(None)))
        assert [each.message for each in await stage.store.everything(stage.session.id)] == [user("Hello")]
        assert (await stage.now()).leaf is None

    @pytest.mark.parametrize("answer", [LOST, refuses(503, "busy"), refuses(500, "broken"), refuses(401, "no key")])
    async def test_a_question_whose_failure_is_not_its_own_fault_stays_the_leaf(
        self, scene: Setting, answer: Answer | Failure
    ) -> None:
        stage = scene(answer)
        await stage.run(await stage.begin(retreat=Retreat(None)))
        assert (await stage.now()).leaf == stage.opened.user_message

    async def test_a_second_cancelling_while_the_end_is_stored_loses_nothing(self, clock: FakeClock) -> None:
        stalled, store = Pause(), SlowStore()
        stage = Scene(clock, store, Step(CHAT, Answer.events(says("Par", (5, 1)), stalled)))
        task = asyncio.create_task(stage.run(await stage.begin()))
        await stalled.reached()
        task.cancel()
        await store.pause.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Par"), MessageState.CANCELLED)
        (summary,) = await store.turns()
        assert (len(summary.calls), summary.outcome) == (1, CallOutcome.CANCELLED)

    async def test_a_cancelled_answer_is_kept_and_marked(self, scene: Setting) -> None:
        stalled = Pause()
        stage = scene(Answer.events(says("Par", (5, 1)), stalled))
        task = asyncio.create_task(stage.run(await stage.begin()))
        await stalled.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Par"), MessageState.CANCELLED)
        assert stage.transport.opened[0].is_closed
        assert stage.clock.sleepers == 0

    async def test_a_turn_that_is_left_before_it_was_listened_to_is_cancelled(self, scene: Setting) -> None:
        stage = scene()
        async with await stage.begin():
            pass
        assert (await stage.stored()).state is MessageState.CANCELLED

    async def test_thinking_is_kept_beside_the_answer(self, scene: Setting) -> None:
        stage = scene(Answer.events(thinks("Hm."), says("Paris."), ends(), DONE))
        await stage.run(await stage.begin())
        message = (await stage.stored()).message
        assert (message.thinking, message.text) == ("Hm.", "Paris.")


class TestItsCalls:
    async def test_every_call_is_recorded_with_the_turn(self, scene: Setting) -> None:
        stage = scene(NO_STREAM_OPTIONS, PARIS)
        turn = await stage.run(await stage.begin())
        (summary,) = await stage.store.turns(stage.session.id)
        assert summary.calls == turn.calls
        assert [call.kind for call in summary.calls] == [CallKind.ANSWER, CallKind.RETRY]
        assert summary.outcome is CallOutcome.ANSWERED

    async def test_its_usage_is_their_sum(self, scene: Setting) -> None:
        stage = scene(NO_STREAM_OPTIONS, Answer.events(says("Paris."), ends(), counts(40, 8, cached_tokens=32), DONE))
        turn = await stage.run(await stage.begin())
        assert (turn.usage.input, turn.usage.output, turn.usage.cached) == (exact(40), exact(8), exact(32))
        assert turn.context == exact(48)

    async def test_a_cancelled_one_counts_up_to_the_last_chunk(self, scene: Setting) -> None:
        stage = scene(Answer.events(says("Par", (5, 1)), says("is", (5, 2)), says(".", (5, 3))))
        async with await stage.begin() as turn:
            async for event in turn:
                if event == TextDelta("is"):
                    break
        (summary,) = await stage.store.turns()
        assert summary.calls[0].usage == Usage(exact(5), estimated(2))
        assert summary.outcome is CallOutcome.CANCELLED

    async def test_there_are_none_before_it_begins(self, scene: Setting) -> None:
        turn = await scene().begin()
        assert (turn.calls, turn.context.tokens) == ((), 0)


class TestCheckpoints:
    async def test_are_never_more_than_a_second_behind(self, scene: Setting) -> None:
        pauses = [Pause() for _ in range(4)]
        texts = ["Pa", "ri", "s", "."]
        pieces: list[Any] = [piece for pair in zip(map(says, texts), pauses, strict=True) for piece in pair]
        stage = scene(Answer.events(*pieces, ends(), DONE))
        task = asyncio.create_task(stage.run(await stage.begin()))
        for count, pause in enumerate(pauses, 1):
            await pause.reached()
            await stage.clock.advance(CHECKPOINT_EVERY)
            stored = await stage.stored()
            assert stored.message.text == "".join(texts[:count])
            assert stored.state is MessageState.STREAMING
            pause.release()
        await task
        assert (await stage.stored()).state is MessageState.WHOLE

    async def test_are_not_made_where_nothing_new_has_come(self, scene: Setting) -> None:
        stalled = Pause()
        stage = scene(Answer.events(says("Par"), stalled, ends(), DONE))
        task = asyncio.create_task(stage.run(await stage.begin()))
        await stalled.reached()
        await stage.clock.advance(60.0)
        assert stage.store.checkpoints == 1
        stalled.release()
        await task

    async def test_are_what_is_left_of_a_process_that_was_killed(self, scene: Setting) -> None:
        first, second = Pause(), Pause()
        stage = scene(Answer.events(says("Par"), first, says("is."), second))
        task = asyncio.create_task(stage.run(await stage.begin()))
        await first.reached()
        await stage.clock.advance(CHECKPOINT_EVERY)
        first.release()
        await second.reached()
        stage.store.die()
        stored = await stage.stored()
        assert (stored.message.text, stored.state) == ("Par", MessageState.CUT)
        task.cancel()
        await asyncio.wait([task])


class TestTroubleWithTheStore:
    async def test_does_not_stop_the_answer_and_is_told_afterwards(self, scene: Setting) -> None:
        stalled = Pause()
        stage = scene(Answer.events(says("Par"), stalled, says("is."), ends(), DONE))
        turn = await stage.begin()
        stage.store.trouble = FULL
        task = asyncio.create_task(stage.run(turn))
        await stalled.reached()
        await stage.clock.advance(10.0)
        stalled.release()
        await task
        assert text_of(stage.events) == "Paris."
        assert turn.failure is None
        assert turn.storage_trouble is FULL

    async def test_that_passes_lets_the_answer_be_stored_in_the_end(self, scene: Setting) -> None:
        stalled = Pause()
        stage = scene(Answer.events(says("Par"), stalled, says("is."), ends(), DONE))
        turn = await stage.begin()
        stage.store.trouble = FULL
        task = asyncio.create_task(stage.run(turn))
        await stalled.reached()
        await stage.clock.advance(1.0)
        stage.store.trouble = None
        stalled.release()
        await task
        stored = await stage.stored()
        assert (stored.message.text, stored.state) == ("Paris.", MessageState.WHOLE)
        assert turn.storage_trouble is None


class TestTakingUp:
    BEGUN = ChatRequest((user("Hello"), assistant("Par")), takes_up=True)

    async def test_the_answer_is_what_stood_and_what_came(self, scene: Setting) -> None:
        stage = scene(Answer.events(says("is."), ends(), DONE))
        turn = await stage.run(await stage.begin(self.BEGUN))
        assert (await stage.stored()).message == assistant("Paris.")
        assert [call.kind for call in turn.calls] == [CallKind.CONTINUATION]
        assert text_of(stage.events) == "is."

    async def test_what_stood_is_stored_again_before_anything_new_comes(self, scene: Setting) -> None:
        waiting = Pause()
        stage = scene(replace(PARIS, before=waiting))
        task = asyncio.create_task(stage.run(await stage.begin(self.BEGUN)))
        await waiting.reached()
        assert (await stage.stored()).message == assistant("Par")
        waiting.release()
        await task

    async def test_the_thinking_of_both_is_kept(self, scene: Setting) -> None:
        begun = Message(Role.ASSISTANT, (Thinking("Hm."), Text("Par")))
        stage = scene(Answer.events(thinks("Ah."), says("is."), ends(), DONE))
        await stage.run(await stage.begin(replace(self.BEGUN, messages=(user("Hello"), begun))))
        stored = await stage.stored()
        assert stored.message == Message(Role.ASSISTANT, (Thinking("Hm."), Thinking("Ah."), Text("Paris.")))

    async def test_an_answer_that_was_complete_already_is_whole(self, scene: Setting) -> None:
        stage = scene(Answer.events(ends(), DONE))
        turn = await stage.run(await stage.begin(self.BEGUN))
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Par"), MessageState.WHOLE)
        assert (turn.failure, turn.answer.text) == (None, "Par")

    async def test_that_is_left_before_it_was_listened_to_keeps_what_stood(self, scene: Setting) -> None:
        stage = scene()
        async with await stage.begin(self.BEGUN):
            pass
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Par"), MessageState.CANCELLED)

    async def test_that_is_cancelled_while_what_stood_is_stored_again_keeps_it(
        self, scene: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def cancelled(*_: object) -> None:
            raise asyncio.CancelledError

        stage = scene()
        turn = await stage.begin(self.BEGUN)
        monkeypatch.setattr(stage.store, "checkpoint", cancelled)
        with pytest.raises(asyncio.CancelledError):
            await stage.run(turn)
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Par"), MessageState.CANCELLED)

    async def test_that_fails_keeps_what_stood(self, scene: Setting) -> None:
        stage = scene(LOST)
        await stage.run(await stage.begin(self.BEGUN))
        stored = await stage.stored()
        assert (stored.message, stored.state) == (assistant("Par"), MessageState.CUT)


async def test_a_turn_tells_who_answers_and_where(scene: Setting) -> None:
    stage = scene()
    turn = await stage.begin()
    assert turn.selection == selection()
    assert turn.session == stage.session.id


async def test_the_question_is_stored_before_it_is_sent(scene: Setting) -> None:
    waiting = Pause()
    stage = scene(replace(PARIS, before=waiting))
    task = asyncio.create_task(stage.run(await stage.begin()))
    await waiting.reached()
    assert [each.message.text for each in await stage.store.branch(stage.session.id)] == ["Hello", ""]
    waiting.release()
    await task
    left = [each for each in await stage.store.everything(stage.session.id) if each.state is MessageState.STREAMING]
    assert left == []
