"""Conversations: what of a history is sent, and how a turn begins, is tried again, or is taken up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.scene import CHAT, DONE, PARIS, ends, refuses, says, selection, thinks

from fluffbuzz.config.values import Config, ModelEntry
from fluffbuzz.core.errors import StorageError, UsageError
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.messages import Image, Message, Role, Text, Thinking, ToolCall, ToolResult, assistant, system, user
from fluffbuzz.core.models import InputKind, Model, ModelRef, Window, WindowSource
from fluffbuzz.core.request import Sampling
from fluffbuzz.core.session import CallKind, MessageState, Session
from fluffbuzz.ports import OpenTurn
from fluffbuzz.runtime.conversation import Conversations, sendable
from fluffbuzz.runtime.engine import Engine
from fluffbuzz.runtime.selection import Selection
from fluffbuzz.runtime.turn import Turn
from fluffbuzz.testing import Answer, FakeClock, MemoryCatalogStore, MemorySessionStore, ScriptedTransport, Step

pytestmark = pytest.mark.anyio

LOST = Failure(FailureKind.CONNECTION_LOST, "connection reset")
CUT = Answer.events(says("Par"), LOST)
MODEL = Model(ModelRef("vllm", "org/small"), "small")
PICTURE = Image("image/png", b"\x89PNG")
TOO_LONG = refuses(400, "This model's maximum context length is 4096 tokens.")
NO_IMAGES = refuses(400, "org/small is not a multimodal model")


class Scene:
    """A conversation with a server that answers from a book."""

    def __init__(self, clock: FakeClock, store: MemorySessionStore) -> None:
        self.clock = clock
        self.store = store
        self.config = Config(Path("fluffbuzz.json"))
        self.transport = ScriptedTransport()

    def conversations(self, *answers: Answer | Failure) -> Conversations:
        self.transport = ScriptedTransport(*[Step(CHAT, answer) for answer in answers])
        return Conversations(
            self.store, Engine(self.transport, MemoryCatalogStore(), self.clock), self.clock, self.config
        )

    async def session(self, **more: Any) -> Session:
        return await self.store.create(**more)

    async def ask(
        self,
        session: Session,
        message: Message,
        answer: Answer | Failure = PARIS,
        chosen: Selection | None = None,
        sampling: Sampling | None = None,
    ) -> Any:
        """Ask, and return the body that was sent."""
        turn = await self.conversations(answer).ask(session, message, chosen or selection(), sampling or Sampling())
        return await self.finish(turn)

    async def finish(self, turn: Turn) -> Any:
        async with turn:
            async for _ in turn:
                pass
        return self.transport.opened[0].body

    async def texts(self, session: Session) -> list[str]:
        return [stored.message.text for stored in await self.store.branch(session.id)]


@pytest.fixture
def scene(clock: FakeClock, store: MemorySessionStore) -> Scene:
    return Scene(clock, store)


def sent(body: Any) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in body["messages"]]


class TestAsking:
    async def test_sends_the_conversation_so_far_and_keeps_both_sides(self, scene: Scene) -> None:
        session = await scene.session(system="Be brief.")
        await scene.ask(session, user("Capital of France?"))
        body = await scene.ask(session, user("And of Italy?"))
        assert sent(body) == [
            ("system", "Be brief."),
            ("user", "Capital of France?"),
            ("assistant", "Paris."),
            ("user", "And of Italy?"),
        ]
        assert await scene.texts(session) == [
            "Be brief.",
            "Capital of France?",
            "Paris.",
            "And of Italy?",
            "Paris.",
        ]

    async def test_begins_alike_from_turn_to_turn_so_that_the_servers_cache_keeps_working(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("One"))
        first = scene.transport.opened[0].request.body
        await scene.ask(session, user("Two"))
        second = scene.transport.opened[0].request.body
        beginning = first[: first.index(b'"One"') + len(b'"One"')]
        assert second.startswith(beginning)

    async def test_sends_nothing_where_the_message_cannot_be_stored(self, scene: Scene) -> None:
        session = await scene.session()
        scene.store.trouble = StorageError("The disk is full.")
        with pytest.raises(StorageError):
            await scene.conversations().ask(session, user("Hello"), selection(), Sampling())
        assert scene.transport.opened == []

    async def test_a_question_whose_answer_failed_is_sent_with_the_next_one(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("One"), LOST)
        assert sent(await scene.ask(session, user("Two"))) == [("user", "One\n\nTwo")]

    @pytest.mark.parametrize(
        "refusal", [TOO_LONG, NO_IMAGES, refuses(400, "no"), refuses(422, "no"), refuses(413, "no")]
    )
    async def test_a_question_that_was_refused_is_never_sent_again_and_stays_in_the_tree(
        self, scene: Scene, refusal: Answer
    ) -> None:
        session = await scene.session(system="Be brief.")
        await scene.ask(session, user("One"))
        await scene.ask(session, user("poison"), refusal)
        assert await scene.texts(session) == ["Be brief.", "One", "Paris."]
        body = await scene.ask(session, user("Two"))
        assert sent(body) == [("system", "Be brief."), ("user", "One"), ("assistant", "Paris."), ("user", "Two")]
        assert "poison" in [stored.message.text for stored in await scene.store.everything(session.id)]

    async def test_neither_is_one_that_was_joined_to_it_for_either_may_be_at_fault(self, scene: Scene) -> None:
        session = await scene.session(system="Be brief.")
        await scene.ask(session, user("What is it?", (PICTURE,)), LOST)
        await scene.store.append(session.id, system("Be long."))
        await scene.ask(session, user("Hello?"), NO_IMAGES)
        assert await scene.texts(session) == ["Be brief.", "Be long."]
        assert sent(await scene.ask(session, user("Two"))) == [("system", "Be long."), ("user", "Two")]

    async def test_of_two_at_once_each_sends_its_own_question(self, scene: Scene) -> None:
        session = await scene.session(system="Be brief.")
        first = scene.conversations(PARIS)
        one = await first.ask(session, user("One"), selection(), Sampling())
        one_transport = scene.transport
        two = await scene.conversations(PARIS).ask(session, user("Two"), selection(), Sampling())
        two_transport = scene.transport
        for turn in (one, two):
            async with turn:
                async for _ in turn:
                    pass
        assert sent(one_transport.opened[0].body) == [("system", "Be brief."), ("user", "One")]
        assert sent(two_transport.opened[0].body) == [("system", "Be brief."), ("user", "Two")]

    async def test_what_another_began_meanwhile_is_not_in_the_request(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await scene.session()
        begin = scene.store.begin_turn

        async def begin_before_another(name: str, message: Message | None, **more: Any) -> OpenTurn:
            turn = await begin(name, message, **more)
            await begin(name, user("Two"))
            return turn

        monkeypatch.setattr(scene.store, "begin_turn", begin_before_another)
        assert sent(await scene.ask(session, user("One"))) == [("user", "One")]

    async def test_a_refusal_does_not_take_away_the_question_that_another_is_answering(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.conversations().ask(session, user("One"), selection(), Sampling())
        await scene.ask(session, user("poison"), TOO_LONG)
        assert await scene.texts(session) == ["One", ""]

    async def test_an_image_is_sent_where_nobody_knows_whether_the_model_can_see(self, scene: Scene) -> None:
        body = await scene.ask(await scene.session(), user("What is it?", (PICTURE,)))
        assert [part["type"] for part in body["messages"][0]["content"]] == ["text", "image_url"]

    async def test_an_image_is_not_sent_to_a_model_that_reads_text_only(self, scene: Scene) -> None:
        session = await scene.session()
        blind = selection(replace(MODEL, input=frozenset({InputKind.TEXT})))
        with pytest.raises(UsageError, match="reads text only"):
            await scene.conversations().ask(session, user("What is it?", (PICTURE,)), blind, Sampling())
        assert await scene.texts(session) == []


class TestSampling:
    async def test_only_what_was_set_is_sent(self, scene: Scene) -> None:
        body = await scene.ask(await scene.session(), user("Hello"))
        assert set(body) == {"model", "messages", "stream", "stream_options"}

    async def test_the_nearest_setting_wins(self, scene: Scene) -> None:
        entry = ModelEntry("vllm/org/small", params={"seed": 3})
        params = {"temperature": 0.2, "top_p": 0.2, "seed": 2}
        scene.config = replace(scene.config, params=params, model_entries={entry.ref: entry})
        model = replace(MODEL, params={"temperature": 0.1, "frequency_penalty": 0.1})
        body = await scene.ask(
            await scene.session(), user("Hello"), chosen=selection(model), sampling=Sampling(top_p=0.4)
        )
        assert {key: body[key] for key in ("temperature", "top_p", "seed", "frequency_penalty")} == {
            "temperature": 0.2,
            "top_p": 0.4,
            "seed": 3,
            "frequency_penalty": 0.1,
        }

    async def test_further_fields_of_the_body_go_with_it(self, scene: Scene) -> None:
        scene.config = replace(scene.config, params={"extra_body": {"top_k": 5, "store": True}})
        body = await scene.ask(await scene.session(), user("Hello"))
        assert body["top_k"] == 5
        assert "store" not in body

    @pytest.mark.parametrize(
        ("asked", "row", "window", "expected"),
        [
            (None, None, 4096, None),
            (50, None, None, 50),
            (50, 70, 4096, 50),
            (None, 70, 4096, 70),
            (8192, None, 4096, 4096),
            (None, 8192, 4096, 4096),
            (10, None, 2, 2),
        ],
    )
    async def test_the_limit_of_the_answer_is_clamped_to_what_the_window_leaves(
        self, scene: Scene, asked: int | None, row: int | None, window: int | None, expected: int | None
    ) -> None:
        known = Window(window, WindowSource.SERVER) if window else None
        model = replace(MODEL, max_tokens=row, window=known)
        body = await scene.ask(
            await scene.session(), user("Hello"), chosen=selection(model), sampling=Sampling(max_tokens=asked)
        )
        assert body.get("max_tokens") == expected


class TestTryingAgain:
    async def test_answers_the_last_question_anew_and_keeps_the_earlier_answer(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"))
        again = Answer.events(says("Rome."), ends(), DONE)
        body = await scene.finish(await scene.conversations(again).retry(session, selection(), Sampling()))
        assert sent(body) == [("user", "Hello")]
        assert await scene.texts(session) == ["Hello", "Rome."]
        assert [stored.message.text for stored in await scene.store.everything(session.id)] == [
            "Hello",
            "Paris.",
            "Rome.",
        ]

    @pytest.mark.parametrize("times", [1, 2])
    async def test_the_newest_system_text_applies(self, scene: Scene, times: int) -> None:
        session = await scene.session(system="Be brief.")
        await scene.ask(session, user("Hello"))
        await scene.store.append(session.id, system("Be long."))
        for _ in range(times):
            body = await scene.finish(await scene.conversations(PARIS).retry(session, selection(), Sampling()))
            assert sent(body) == [("system", "Be long."), ("user", "Hello")]
            assert await scene.texts(session) == ["Be brief.", "Hello", "Be long.", "Paris."]
        everything = await scene.store.everything(session.id)
        assert [stored.message.text for stored in everything].count("Be long.") == 2, "once on each branch"

    async def test_that_is_refused_leaves_the_earlier_answer_where_it_was(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"))
        await scene.store.append(session.id, system("Be long."))
        await scene.finish(await scene.conversations(TOO_LONG).retry(session, selection(), Sampling()))
        assert await scene.texts(session) == ["Hello", "Paris.", "Be long."]

    async def test_that_is_refused_takes_a_question_without_an_answer_away(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"), LOST)
        await scene.store.append(session.id, system("Be long."))
        await scene.finish(await scene.conversations(TOO_LONG).retry(session, selection(), Sampling()))
        assert await scene.texts(session) == ["Be long."]

    async def test_after_a_refusal_answers_the_last_question_of_the_branch(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"))
        await scene.ask(session, user("poison"), TOO_LONG)
        body = await scene.finish(await scene.conversations(PARIS).retry(session, selection(), Sampling()))
        assert sent(body) == [("user", "Hello")]

    async def test_needs_a_question(self, scene: Scene) -> None:
        session = await scene.session(system="Be brief.")
        with pytest.raises(UsageError, match="no message yet"):
            await scene.conversations().retry(session, selection(), Sampling())


class TestTakingUp:
    async def test_goes_on_where_the_answer_stopped(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"), CUT)
        rest = Answer.events(says("is."), ends(), DONE)
        turn = await scene.conversations(rest).take_up(session, selection(), Sampling())
        body = await scene.finish(turn)
        assert sent(body) == [("user", "Hello"), ("assistant", "Par")]
        assert body["continue_final_message"] is True
        assert body["add_generation_prompt"] is False
        assert [call.kind for call in turn.calls] == [CallKind.CONTINUATION]
        last = (await scene.store.branch(session.id))[-1]
        assert (last.message, last.state) == (assistant("Paris."), MessageState.WHOLE)

    async def test_keeps_the_broken_answer_in_the_tree(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"), CUT)
        rest = Answer.events(says("is."), ends(), DONE)
        await scene.finish(await scene.conversations(rest).take_up(session, selection(), Sampling()))
        texts = [stored.message.text for stored in await scene.store.everything(session.id)]
        assert texts == ["Hello", "Par", "Paris."]

    async def test_may_happen_again_and_again(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"), CUT)
        for rest in (Answer.events(says("i"), LOST), Answer.events(says("s."), ends(), DONE)):
            await scene.finish(await scene.conversations(rest).take_up(session, selection(), Sampling()))
        assert await scene.texts(session) == ["Hello", "Paris."]

    async def test_the_newest_system_text_applies(self, scene: Scene) -> None:
        session = await scene.session(system="Be brief.")
        await scene.ask(session, user("Hello"), CUT)
        await scene.store.append(session.id, system("Be long."))
        rest = Answer.events(says("is."), ends(), DONE)
        body = await scene.finish(await scene.conversations(rest).take_up(session, selection(), Sampling()))
        assert sent(body) == [("system", "Be long."), ("user", "Hello"), ("assistant", "Par")]
        assert await scene.texts(session) == ["Be brief.", "Hello", "Be long.", "Paris."]

    async def test_keeps_what_was_thought(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"), Answer.events(thinks("Hm."), says("Par"), LOST))
        rest = Answer.events(says("is."), ends(), DONE)
        body = await scene.finish(await scene.conversations(rest).take_up(session, selection(), Sampling()))
        assert sent(body) == [("user", "Hello"), ("assistant", "Par")]
        last = (await scene.store.branch(session.id))[-1].message
        assert (last.thinking, last.text) == ("Hm.", "Paris.")

    async def test_leaves_an_answer_alone_that_still_grows(self, scene: Scene) -> None:
        session = await scene.session()
        growing = await scene.store.begin_turn(session.id, user("Hello"))
        await scene.store.checkpoint(growing, assistant("Par"))
        with pytest.raises(UsageError, match="no unfinished answer"):
            await scene.conversations().take_up(session, selection(), Sampling())

    async def test_needs_an_answer_that_is_not_whole(self, scene: Scene) -> None:
        session = await scene.session()
        for answer in (None, PARIS, LOST):
            if answer is not None:
                await scene.ask(session, user("Hello"), answer)
            with pytest.raises(UsageError, match="no unfinished answer"):
                await scene.conversations().take_up(session, selection(), Sampling())

    async def test_needs_a_server_that_can(self, scene: Scene) -> None:
        session = await scene.session()
        await scene.ask(session, user("Hello"), CUT)
        with pytest.raises(UsageError, match="SGLang cannot continue"):
            await scene.conversations().take_up(session, selection(provider="sglang"), Sampling())


CALL = Message(Role.ASSISTANT, (ToolCall("1", "look_up", "{}"),))
RESULT = Message(Role.TOOL, (ToolResult("1", "sunny"),))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], []),
        ([user("a"), assistant("b"), user("c")], [user("a"), assistant("b"), user("c")]),
        ([system("old"), user("a"), system("new")], [system("new"), user("a")]),
        (
            [user("a"), Message(Role.ASSISTANT, ()), user("b")],
            [Message(Role.USER, (Text("a"), Text("\n\n"), Text("b")))],
        ),
        ([user("a"), Message(Role.ASSISTANT, (Thinking("hm"),))], [user("a")]),
        ([user("a"), CALL, RESULT], [user("a"), CALL, RESULT]),
    ],
)
def test_what_is_sent_of_a_history(history: Sequence[Message], expected: Sequence[Message]) -> None:
    assert list(sendable(history)) == expected
