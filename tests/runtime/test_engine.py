"""The engine, by playbooks: what it asks, what it hands on, and what it remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.runtime.scene import (
    BASE,
    CHAT,
    DONE,
    HELLO,
    NO_STREAM_OPTIONS,
    PARIS,
    candidate,
    collect,
    counts,
    delta,
    ends,
    failure_of,
    refuses,
    says,
    text_of,
    thinking_of,
    thinks,
    usage,
)

from fluffbuzz.core.deadlines import deadlines_for
from fluffbuzz.core.errors import StorageError
from fluffbuzz.core.events import ReplyFailed, ReplyFinished, ReplyStarted, TextDelta, UsageReported
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.session import Call, CallKind, CallOutcome
from fluffbuzz.core.usage import ZERO, CountKind, Usage, estimated, exact
from fluffbuzz.providers import find
from fluffbuzz.runtime.engine import Engine
from fluffbuzz.runtime.recollection import IMAGES
from fluffbuzz.testing import Answer, FakeClock, MemoryCatalogStore, Opened, Pause, ScriptedTransport, Step

pytestmark = pytest.mark.anyio

VLLM = find("vllm")
WITH = replace(CHAT, body={"stream_options": {"include_usage": True, "continuous_usage_stats": True}})
WITHOUT = replace(CHAT, without=("stream_options",))
LOST = Failure(FailureKind.CONNECTION_LOST, "connection reset")


class Scene:
    """An engine over a playbook, with everything a test may look at afterwards."""

    def __init__(self, clock: FakeClock, memory: MemoryCatalogStore, *steps: Step) -> None:
        self.transport = ScriptedTransport(*steps)
        self.engine = Engine(self.transport, memory, clock)
        self.calls: tuple[Call, ...] = ()

    async def ask(self, **more: Any) -> list[Any]:
        with self.transport:
            async with self.engine.reply(HELLO, more.pop("of", candidate()), VLLM, **more) as stream:
                events = await collect(stream)
                self.calls = stream.calls
                self.reply = stream.reply
        return events

    @property
    def opened(self) -> Sequence[Opened]:
        return self.transport.opened


class TestAWholeAnswer:
    async def test_comes_as_events_with_exactly_one_end(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        events = await Scene(clock, memory, Step(WITH, PARIS)).ask()
        assert [type(event) for event in events] == [
            ReplyStarted,
            TextDelta,
            TextDelta,
            type(events[3]),
            UsageReported,
            ReplyFinished,
        ]
        assert text_of(events) == "Paris."

    async def test_is_accounted_for_exactly(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        answer = Answer.events(says("Paris."), ends(), counts(40, 8, cached_tokens=32), DONE)
        scene = Scene(clock, memory, Step(CHAT, answer))
        await scene.ask()
        (call,) = scene.calls
        assert call.usage == Usage(exact(40), exact(8), exact(32))
        assert (call.kind, call.outcome, call.finish, call.failure) == ("answer", CallOutcome.ANSWERED, "stop", "")
        assert (call.model, call.base_url) == ("vllm/org/small", BASE)
        assert call.credential == "environment (VLLM_API_KEY)"
        assert call.started == clock.now()

    async def test_is_timed_to_its_first_token_and_in_all(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        first, second = Pause(), Pause()
        answer = Answer.events(delta({"role": "assistant"}), first, says("Par"), second, says("is."), ends(), DONE)
        scene = Scene(clock, memory, Step(CHAT, answer))
        asking = asyncio.create_task(scene.ask())
        for pause, seconds in ((first, 0.5), (second, 2.0)):
            await pause.reached()
            await clock.advance(seconds)
            pause.release()
        await asking
        assert (scene.calls[0].timings.first_token, scene.calls[0].timings.total) == (0.5, 2.5)

    async def test_may_be_one_json_document(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        message = {"role": "assistant", "content": "Paris."}
        whole = Answer.json({"choices": [{"message": message, "finish_reason": "stop"}], **usage((5, 3))})
        scene = Scene(clock, memory, Step(CHAT, whole))
        events = await scene.ask()
        assert text_of(events) == "Paris."
        assert events[-1] == ReplyFinished()
        assert scene.calls[0].usage.output == exact(3)

    async def test_may_be_thinking_only(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        answer = Answer.events(thinks("Let me "), thinks("see."), ends("length"), DONE)
        scene = Scene(clock, memory, Step(CHAT, answer))
        events = await scene.ask()
        assert (thinking_of(events), text_of(events)) == ("Let me see.", "")
        assert scene.reply.first.is_thinking_only
        assert scene.calls[0].finish == "length"

    async def test_keeps_several_choices_apart(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        pieces = [delta({"content": text}, index=index) for text, index in (("A", 0), ("B", 1), ("a", 0), ("b", 1))]
        scene = Scene(clock, memory, Step(CHAT, Answer.events(*pieces, ends(), ends(index=1), DONE)))
        await scene.ask()
        assert [choice.text for choice in scene.reply.choices] == ["Aa", "Bb"]

    async def test_passes_over_comments_and_keep_alives(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        alive = b": keep-alive\n\n"
        answer = Answer.events(alive, says("Par"), alive, says("is."), alive, ends(), DONE)
        assert text_of(await Scene(clock, memory, Step(CHAT, answer)).ask()) == "Paris."

    async def test_may_be_empty_where_the_server_says_that_it_is_finished(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        scene = Scene(clock, memory, Step(CHAT, Answer.events(ends(), counts(5, 1), DONE)))
        events = await scene.ask()
        assert (text_of(events), events[-1]) == ("", ReplyFinished())
        assert scene.calls[0].usage.output == exact(1)
        assert scene.calls[0].timings.first_token is None

    async def test_has_nothing_before_it_is_asked_for(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        engine = Engine(ScriptedTransport(), memory, clock)
        async with engine.reply(HELLO, candidate(), VLLM) as stream:
            assert stream.calls == ()
            assert stream.reply.first.text == ""


class TestARefusedOption:
    async def test_is_left_out_of_one_more_question(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        scene = Scene(clock, memory, Step(WITH, NO_STREAM_OPTIONS), Step(WITHOUT, PARIS))
        events = await scene.ask()
        assert text_of(events) == "Paris."
        assert sum(isinstance(event, ReplyStarted) for event in events) == 1
        assert not any(isinstance(event, ReplyFailed) for event in events)

    async def test_leaves_two_calls_of_which_the_refused_one_cost_nothing(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        scene = Scene(clock, memory, Step(WITH, NO_STREAM_OPTIONS), Step(WITHOUT, PARIS))
        await scene.ask()
        assert [call.kind for call in scene.calls] == [CallKind.ANSWER, CallKind.RETRY]
        assert [call.outcome for call in scene.calls] == [CallOutcome.FAILED, CallOutcome.ANSWERED]
        assert scene.calls[0].usage == ZERO
        assert scene.calls[0].failure == FailureKind.OPTION_REFUSED

    async def test_is_remembered_for_a_day(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        await Scene(clock, memory, Step(WITH, NO_STREAM_OPTIONS), Step(WITHOUT, PARIS)).ask()
        clock.jump(24 * 3600.0)
        await Scene(clock, memory, Step(WITHOUT, PARIS)).ask()
        clock.jump(1)
        await Scene(clock, memory, Step(WITH, PARIS)).ask()

    async def test_is_remembered_for_that_model_at_that_endpoint_alone(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        await Scene(clock, memory, Step(WITH, NO_STREAM_OPTIONS), Step(WITHOUT, PARIS)).ask()
        elsewhere = replace(WITH, url="http://127.0.0.1:9000/v1/chat/completions")
        await Scene(clock, memory, Step(elsewhere, PARIS)).ask(of=candidate(base_url="http://127.0.0.1:9000/v1"))

    async def test_is_not_asked_about_a_third_time(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        scene = Scene(clock, memory, Step(WITH, NO_STREAM_OPTIONS), Step(WITHOUT, NO_STREAM_OPTIONS))
        assert failure_of(await scene.ask()) is FailureKind.OPTION_REFUSED

    async def test_is_not_remembered_when_the_second_question_fails_too(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        await Scene(clock, memory, Step(WITH, NO_STREAM_OPTIONS), Step(WITHOUT, LOST)).ask()
        assert memory.learned_options(BASE, "org/small") == []

    async def test_other_refusals_are_final(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        answer = refuses(400, "temperature must be non-negative", "temperature")
        assert failure_of(await Scene(clock, memory, Step(CHAT, answer)).ask()) is FailureKind.BAD_REQUEST

    async def test_an_image_that_is_refused_is_remembered(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        answer = refuses(400, "org/small is not a multimodal model")
        assert failure_of(await Scene(clock, memory, Step(CHAT, answer)).ask()) is FailureKind.IMAGE_REFUSED
        assert [fact.option for fact in memory.learned_options(BASE, "org/small")] == [IMAGES]


DIED = {"error": {"message": "EngineCore encountered an issue.", "type": "InternalServerError", "code": 500}}


class TestAFailure:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (LOST, FailureKind.CONNECTION_LOST),
            (Answer.json({"error": "Unauthorized"}, 401), FailureKind.AUTH),
            (Answer.events(delta({"role": "assistant"}, (5, 0)), LOST), FailureKind.CONNECTION_LOST),
            (Answer.events(delta({"role": "assistant"}, (5, 0)), DIED, DONE), FailureKind.SERVER_ERROR),
            (Answer.events(delta({"role": "assistant"})), FailureKind.CUT),
            (Answer.events(DONE), FailureKind.EMPTY),
            (Answer(pieces=(b"data: no json\n\n",)), FailureKind.PROTOCOL),
            (Answer(200, {"content-type": "application/json"}, (b"{", LOST)), FailureKind.CONNECTION_LOST),
        ],
    )
    async def test_before_anything_visible_leaves_no_trace(
        self, clock: FakeClock, memory: MemoryCatalogStore, answer: Answer | Failure, kind: FailureKind
    ) -> None:
        scene = Scene(clock, memory, Step(CHAT, answer))
        (only,) = await scene.ask()
        assert isinstance(only, ReplyFailed)
        assert only.failure.kind is kind
        assert [call.outcome for call in scene.calls] == [CallOutcome.FAILED]

    @pytest.mark.parametrize(
        ("rest", "kind"),
        [
            ([LOST], FailureKind.CONNECTION_LOST),
            ([DIED, DONE], FailureKind.SERVER_ERROR),
            ([], FailureKind.CUT),
        ],
    )
    async def test_after_something_visible_is_the_delivered_text_and_then_the_failure(
        self, clock: FakeClock, memory: MemoryCatalogStore, rest: list[Any], kind: FailureKind
    ) -> None:
        scene = Scene(clock, memory, Step(CHAT, Answer.events(says("Par", (5, 1)), says("i", (5, 2)), *rest)))
        events = await scene.ask()
        assert text_of(events) == "Pari"
        assert failure_of(events) is kind
        (call,) = scene.calls
        assert call.outcome is CallOutcome.CUT
        assert call.usage == Usage(exact(5), estimated(2))

    async def test_after_something_visible_is_never_asked_anew(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        late = {"error": {"message": "Unexpected field stream_options", "param": "stream_options", "code": 400}}
        events = await Scene(clock, memory, Step(CHAT, Answer.events(says("Par"), late, DONE))).ask()
        assert failure_of(events) is FailureKind.OPTION_REFUSED

    async def test_of_total_silence_names_the_limit(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        silence = Failure(FailureKind.TIMEOUT, "nothing came within 1800 s (limit: first token)")
        scene = Scene(clock, memory, Step(CHAT, silence))
        assert await scene.ask() == [ReplyFailed(silence)]
        assert scene.calls[0].message == "nothing came within 1800 s (limit: first token)"

    @pytest.mark.parametrize(("base_url", "is_local"), [(BASE, True), ("https://models.example/v1", False)])
    async def test_patience_depends_on_where_the_endpoint_is(
        self, clock: FakeClock, memory: MemoryCatalogStore, base_url: str, is_local: bool
    ) -> None:
        scene = Scene(clock, memory, Step(replace(CHAT, url=f"{base_url}/chat/completions"), PARIS))
        await scene.ask(of=candidate(base_url=base_url))
        assert scene.opened[0].deadlines == deadlines_for(is_local=is_local)

    async def test_a_huge_error_page_is_still_judged_by_its_status(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        page = Answer(502, {"content-type": "text/html"}, [b"x" * 10_000] * 20)
        scene = Scene(clock, memory, Step(CHAT, page))
        assert failure_of(await scene.ask()) is FailureKind.SERVER_ERROR
        assert not scene.opened[0].is_read_to_end

    async def test_an_error_that_breaks_off_is_still_judged_by_its_status(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        broken = Answer(401, {"content-type": "application/json"}, (b'{"err', LOST))
        assert failure_of(await Scene(clock, memory, Step(CHAT, broken)).ask()) is FailureKind.AUTH


class TestCancelling:
    async def test_closes_the_connection_and_counts_up_to_the_last_chunk(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        stalled = Pause()
        transport = ScriptedTransport(Step(CHAT, Answer.events(says("Par", (5, 1)), says("i", (5, 2)), stalled)))
        engine = Engine(transport, memory, clock)
        calls: list[Call] = []

        async def ask() -> None:
            async with engine.reply(HELLO, candidate(), VLLM) as stream:
                try:
                    await collect(stream)
                finally:
                    calls.extend(stream.calls)

        task = asyncio.create_task(ask())
        await stalled.reached()
        await clock.advance(3.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert transport.opened[0].is_closed
        assert [call.outcome for call in calls] == [CallOutcome.CANCELLED]
        assert calls[0].usage == Usage(exact(5), estimated(2))
        assert calls[0].timings.total == 3.0

    async def test_by_leaving_early_does_the_same(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        transport = ScriptedTransport(Step(CHAT, Answer.events(says("Par", (5, 1)), says("is."), ends(), DONE)))
        async with Engine(transport, memory, clock).reply(HELLO, candidate(), VLLM) as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
            assert not transport.opened[0].is_closed
        assert transport.opened[0].is_closed
        assert stream.calls[0].outcome is CallOutcome.CANCELLED
        assert stream.calls[0].usage.output.kind is CountKind.ESTIMATED
        assert not transport.opened[0].is_read_to_end

    async def test_before_the_first_chunk_leaves_an_account_without_numbers(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        waiting = Pause()
        scene = Scene(clock, memory, Step(CHAT, Answer(before=waiting)))
        task = asyncio.create_task(scene.ask())
        await waiting.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert scene.opened[0].is_closed


class TestAMemoryInTrouble:
    async def test_does_not_stop_an_answer(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        memory.trouble = StorageError("the disk is full")
        assert text_of(await Scene(clock, memory, Step(WITH, PARIS)).ask()) == "Paris."

    async def test_does_not_stop_an_answer_at_its_end_either(
        self, clock: FakeClock, memory: MemoryCatalogStore
    ) -> None:
        last = Pause()
        answer = Answer.events(says("Paris."), ends(), last, DONE)
        scene = Scene(clock, memory, Step(WITH, NO_STREAM_OPTIONS), Step(WITHOUT, answer))
        asking = asyncio.create_task(scene.ask())
        await last.reached()
        memory.trouble = StorageError("the disk is full")
        last.release()
        assert (await asking)[-1] == ReplyFinished()
