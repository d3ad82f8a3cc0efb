"""The stores in memory keep the same rules as those in SQLite: one contract, tested on both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from fluffbuzz.adapters.sqlite import SqliteCatalogStore, SqliteSessionStore, open_database
from fluffbuzz.core.discovery import Discovery, Outcome, ServedModel
from fluffbuzz.core.errors import StorageError, UsageError
from fluffbuzz.core.messages import Message, Role, Text, Thinking, ToolCall, ToolResult, assistant, system, user
from fluffbuzz.core.session import Call, CallKind, CallOutcome, MessageState, Timings
from fluffbuzz.core.usage import Usage, exact
from fluffbuzz.ports import CatalogStore, LearnedOption, Retreat, SessionStore
from fluffbuzz.testing import FakeClock, MemoryCatalogStore, MemorySessionStore

pytestmark = pytest.mark.anyio

HERE = "http://127.0.0.1:8000/v1"
NOTHING = Message(Role.ASSISTANT, ())


def counting() -> Callable[[int], bytes]:
    """Random bytes that are none: each value is new."""
    last = 0

    def token(size: int) -> bytes:
        nonlocal last
        last += 1
        return last.to_bytes(size, "big")

    return token


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SessionStore]:
    clock = FakeClock()
    if request.param == "memory":
        made: SessionStore = MemorySessionStore(clock.now)
    else:
        made = SqliteSessionStore(open_database(None, now=clock.now, token=counting()))
    yield made
    await made.close()


@pytest.fixture(params=["memory", "sqlite"])
async def catalog(request: pytest.FixtureRequest) -> AsyncIterator[CatalogStore]:
    if request.param == "memory":
        yield MemoryCatalogStore()
        return
    database = open_database(None, now=FakeClock().now, token=counting())
    yield SqliteCatalogStore(database)
    await SqliteSessionStore(database).close()


def call(outcome: CallOutcome = CallOutcome.ANSWERED, message: str = "", model: str = "vllm/m") -> Call:
    usage = Usage(exact(5), exact(3))
    return Call(CallKind.ANSWER, model, HERE, "none", 1.0, usage, Timings(0.1, 0.5), outcome, "stop", message=message)


async def texts(store: SessionStore, session: str, limit: int | None = None) -> list[str]:
    return [stored.message.text for stored in await store.branch(session, limit)]


class TestSessions:
    async def test_a_new_one_is_empty(self, store: SessionStore) -> None:
        session = await store.create(model="vllm/m")
        assert (session.model, session.title, session.leaf, session.messages) == ("vllm/m", "", None, 0)
        assert await store.branch(session.id) == []
        assert await store.latest() == session

    async def test_the_latest_is_the_one_in_which_somebody_was_answered_last(self, store: SessionStore) -> None:
        answered, failed = await store.create(), await store.create()
        await store.append(answered.id, user("q"))
        await store.append(answered.id, assistant("a"))
        await store.append(failed.id, user("nobody answered"))
        latest = await store.latest()
        assert latest is not None
        assert latest.id == answered.id

    async def test_a_system_text_is_its_first_message(self, store: SessionStore) -> None:
        session = await store.create(system="Be brief.")
        (stored,) = await store.branch(session.id)
        assert (stored.message.role, stored.message.text, stored.parent) == (Role.SYSTEM, "Be brief.", None)
        assert (session.leaf, session.messages, session.title) == (stored.id, 1, "")

    async def test_its_title_is_the_beginning_of_the_first_question(self, store: SessionStore) -> None:
        session = await store.create()
        await store.append(session.id, user("  What is\n the capital" + " of France" * 20))
        found = await store.find(session.id)
        assert found is not None
        assert found.title.startswith("What is the capital of France")
        assert (len(found.title), found.title[-1]) == (60, "…")

    async def test_one_is_found_by_its_whole_name_alone_where_names_are_alike(self, store: SessionStore) -> None:
        first, second = await store.create(), await store.create()
        found = await store.find(second.id)
        assert found is not None
        assert found.id == second.id
        assert await store.find("zzz") is None
        with pytest.raises(UsageError, match="Several conversations begin"):
            await store.find(first.id[:2])

    async def test_they_are_listed_with_the_last_used_first(self, store: SessionStore) -> None:
        first, second = await store.create(), await store.create()
        assert [each.id for each in await store.sessions(10)] == [second.id, first.id]
        assert len(await store.sessions(1)) == 1

    async def test_title_and_model_can_be_changed(self, store: SessionStore) -> None:
        session = await store.create()
        await store.rename(session.id, "Paris")
        await store.select_model(session.id, "vllm/other")
        found = await store.find(session.id)
        assert found is not None
        assert (found.title, found.model) == ("Paris", "vllm/other")

    async def test_one_that_is_not_there_is_an_error(self, store: SessionStore) -> None:
        for attempt in (store.branch("nope"), store.append("nope", user("a")), store.delete("nope")):
            with pytest.raises(StorageError, match="There is no conversation nope"):
                await attempt


class TestTheTree:
    async def test_each_message_follows_the_leaf(self, store: SessionStore) -> None:
        session = await store.create()
        first = await store.append(session.id, user("a"))
        second = await store.append(session.id, assistant("b"))
        assert (first.parent, second.parent) == (None, first.id)
        assert await texts(store, session.id) == ["a", "b"]
        assert await texts(store, session.id, 1) == ["b"]

    async def test_moving_makes_another_branch_and_keeps_the_old_one(self, store: SessionStore) -> None:
        session = await store.create()
        first = await store.append(session.id, user("a"))
        await store.append(session.id, assistant("b"))
        await store.move(session.id, first.id)
        await store.append(session.id, assistant("c"))
        assert await texts(store, session.id) == ["a", "c"]
        assert [stored.message.text for stored in await store.everything(session.id)] == ["a", "b", "c"]
        await store.move(session.id, None)
        assert await store.branch(session.id) == []

    async def test_there_is_no_moving_to_a_message_of_another_session(self, store: SessionStore) -> None:
        session, other = await store.create(), await store.create()
        foreign = await store.append(other.id, user("a"))
        with pytest.raises(UsageError, match="There is no message"):
            await store.move(session.id, foreign.id)

    async def test_every_kind_of_part_is_kept(self, store: SessionStore) -> None:
        session = await store.create()
        message = Message(Role.ASSISTANT, (Thinking("hm"), Text("a"), ToolCall("1", "f", "{}")))
        await store.append(session.id, message)
        await store.append(session.id, Message(Role.TOOL, (ToolResult("1", "b"),)))
        assert (await store.branch(session.id))[0].message == message


class TestTurns:
    async def test_the_question_is_stored_and_the_answer_open(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        question, answer = await store.branch(session.id)
        assert (question.id, answer.id) == (turn.user_message, turn.answer)
        assert (answer.message, answer.state) == (NOTHING, MessageState.STREAMING)
        (summary,) = await store.turns(session.id)
        assert (summary.id, summary.outcome) == (turn.id, None)

    async def test_a_checkpoint_is_seen_at_once(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.checkpoint(turn, assistant("Pa"))
        assert await texts(store, session.id) == ["a", "Pa"]

    @pytest.mark.parametrize(
        ("outcome", "state"),
        [
            (CallOutcome.ANSWERED, MessageState.WHOLE),
            (CallOutcome.FAILED, MessageState.CUT),
            (CallOutcome.CUT, MessageState.CUT),
            (CallOutcome.CANCELLED, MessageState.CANCELLED),
        ],
    )
    async def test_the_answer_ends_in_the_state_of_its_outcome(
        self, store: SessionStore, outcome: CallOutcome, state: MessageState
    ) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.end_turn(turn, assistant("b"), outcome, [call(outcome)])
        answer = (await store.branch(session.id))[-1]
        assert (answer.message, answer.state, answer.model) == (assistant("b"), state, "vllm/m")
        (summary,) = await store.turns()
        assert (summary.calls, summary.outcome) == ((call(outcome),), outcome)

    async def test_a_failure_without_an_answer_leaves_the_question(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.end_turn(turn, NOTHING, CallOutcome.FAILED)
        found = await store.find(session.id)
        assert found is not None
        assert (found.leaf, found.messages) == (turn.user_message, 1)

    async def test_a_cancelled_one_without_an_answer_stays(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.end_turn(turn, NOTHING, CallOutcome.CANCELLED)
        assert [each.state for each in await store.branch(session.id)] == [MessageState.WHOLE, MessageState.CANCELLED]

    async def test_without_a_message_the_leaf_is_answered(self, store: SessionStore) -> None:
        session = await store.create()
        asked = await store.append(session.id, user("a"))
        assert (await store.begin_turn(session.id, None)).user_message == asked.id

    async def test_there_must_be_something_to_answer(self, store: SessionStore) -> None:
        session = await store.create()
        with pytest.raises(UsageError, match="nothing that could be answered"):
            await store.begin_turn(session.id, None)

    async def test_a_turn_ends_once(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.end_turn(turn, assistant("b"), CallOutcome.ANSWERED)
        for again in (store.end_turn(turn, NOTHING, CallOutcome.FAILED), store.checkpoint(turn, NOTHING)):
            with pytest.raises(StorageError):
                await again

    async def test_the_answer_is_of_the_model_that_did_not_fail(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        calls = [call(model="vllm/a"), call(CallOutcome.FAILED, model="vllm/b")]
        await store.end_turn(turn, assistant("b"), CallOutcome.CUT, calls)
        assert (await store.branch(session.id))[-1].model == "vllm/a"

    async def test_deleting_keeps_the_numbers_without_the_words(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.end_turn(turn, assistant("b"), CallOutcome.CUT, [call(message="secret words")])
        await store.delete(session.id)
        assert await store.find(session.id) is None
        (summary,) = await store.turns()
        assert (summary.calls, summary.outcome) == ((call(),), CallOutcome.CUT)

    async def test_what_ends_after_it_was_deleted_is_counted_once_without_the_words(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.delete(session.id)
        for _ in range(2):
            with pytest.raises(StorageError, match="ended or deleted"):
                await store.end_turn(turn, assistant("b"), CallOutcome.ANSWERED, [call(message="secret words")])
        (summary,) = await store.turns()
        assert (summary.calls, summary.outcome) == ((call(),), CallOutcome.CUT)

    async def test_one_can_begin_below_any_message(self, store: SessionStore) -> None:
        session = await store.create()
        first = await store.append(session.id, user("a"))
        await store.append(session.id, assistant("b"))
        turn = await store.begin_turn(session.id, None, parent=first.id)
        assert turn.user_message == first.id
        assert await texts(store, session.id) == ["a", ""]
        turn = await store.begin_turn(session.id, user("c"), parent=first.id)
        assert turn.user_message != first.id
        assert await texts(store, session.id) == ["a", "c", ""]

    async def test_none_begins_below_a_message_of_another_session(self, store: SessionStore) -> None:
        session, other = await store.create(), await store.create()
        foreign = await store.append(other.id, user("a"))
        with pytest.raises(UsageError, match="There is no message"):
            await store.begin_turn(session.id, user("b"), parent=foreign.id)
        assert await store.everything(session.id) == []

    async def test_the_branch_to_a_question_does_not_change_when_the_leaf_does(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        await store.begin_turn(session.id, user("b"))
        asked = await store.branch(session.id, leaf=turn.user_message)
        assert [stored.message.text for stored in asked] == ["a"]

    async def test_one_that_was_refused_retreats_and_keeps_the_question_in_the_tree(self, store: SessionStore) -> None:
        session = await store.create()
        before = await store.append(session.id, assistant("before"))
        for retreat, expected in [
            (Retreat(before.id), ["before"]),
            (Retreat(before.id, system("Be brief.")), ["before", "Be brief."]),
            (Retreat(None), []),
        ]:
            turn = await store.begin_turn(session.id, user("a"))
            await store.end_turn(turn, NOTHING, CallOutcome.FAILED, [call(CallOutcome.FAILED)], retreat)
            assert await texts(store, session.id) == expected
            assert turn.user_message in [stored.id for stored in await store.everything(session.id)]

    async def test_one_that_was_refused_does_not_take_back_where_somebody_else_went(self, store: SessionStore) -> None:
        session = await store.create()
        turn = await store.begin_turn(session.id, user("a"))
        other = await store.begin_turn(session.id, user("b"), parent=turn.user_message)
        await store.end_turn(turn, NOTHING, CallOutcome.FAILED, (), Retreat(None, system("Be brief.")))
        assert [stored.id for stored in await store.branch(session.id)][1:] == [other.user_message, other.answer]


class TestSearch:
    @pytest.mark.parametrize("query", ["capital", "CAPIT", "首都", "東京"])
    async def test_any_part_in_any_script_is_found(self, store: SessionStore, query: str) -> None:
        session = await store.create()
        stored = await store.append(session.id, user("The Capital 日本の首都は東京です"))
        (hit,) = await store.search(query, 10)
        assert (hit.session, hit.message, hit.role) == (session.id, stored.id, "user")
        assert query.casefold() in hit.excerpt.casefold()

    async def test_the_newest_come_first_and_growing_answers_not_at_all(self, store: SessionStore) -> None:
        session = await store.create()
        stored = [await store.append(session.id, user(f"Paris {number}")) for number in range(3)]
        turn = await store.begin_turn(session.id, user("x"))
        await store.checkpoint(turn, assistant("Paris"))
        hits = await store.search("paris", 2)
        assert [hit.message for hit in hits] == [stored[2].id, stored[1].id]
        assert list(await store.search("", 2)) == list(await store.search("Rome", 2)) == []


class TestCatalog:
    FOUND = Discovery(Outcome.FOUND, HERE, 1.0, (ServedModel("m", 4096),), 200)
    REFUSED = Discovery(Outcome.REFUSED, HERE, 2.0, detail="refused")

    async def test_the_newest_look_and_the_newest_answer_are_kept(self, catalog: CatalogStore) -> None:
        assert catalog.last_discovery("vllm", HERE) is None
        assert catalog.last_found("vllm", HERE) is None
        catalog.save_discovery("vllm", self.FOUND)
        catalog.save_discovery("vllm", self.REFUSED)
        assert catalog.last_discovery("vllm", HERE) == self.REFUSED
        assert catalog.last_found("vllm", HERE) == self.FOUND
        assert catalog.last_found("sglang", HERE) is None

    async def test_refusals_are_kept_by_endpoint_and_model_until_forgotten(self, catalog: CatalogStore) -> None:
        catalog.learn_option(HERE, "m", "images", 1.0)
        catalog.learn_option(HERE, "m", "images", 2.0)
        catalog.learn_option("http://there/v1", "m", "images", 3.0)
        assert list(catalog.learned_options(HERE, "m")) == [LearnedOption("images", 2.0)]
        assert list(catalog.learned_options(HERE, "n")) == []
        catalog.forget_options(HERE)
        assert list(catalog.learned_options(HERE, "m")) == []
        assert list(catalog.learned_options("http://there/v1", "m")) == [LearnedOption("images", 3.0)]


async def test_a_killed_process_leaves_its_turns_cut_where_they_were_saved_last() -> None:
    store = MemorySessionStore()
    session = await store.create()
    turn = await store.begin_turn(session.id, user("a"))
    await store.checkpoint(turn, assistant("Pa"))
    store.die()
    answer = (await store.branch(session.id))[-1]
    assert (answer.message.text, answer.state) == ("Pa", MessageState.CUT)
    assert [summary.outcome for summary in await store.turns()] == [CallOutcome.CUT]


async def test_trouble_is_raised_until_it_is_over() -> None:
    sessions, catalog = MemorySessionStore(), MemoryCatalogStore()
    sessions.trouble = catalog.trouble = StorageError("full")
    with pytest.raises(StorageError):
        await sessions.create()
    with pytest.raises(StorageError):
        catalog.last_found("vllm", HERE)
    sessions.trouble = None
    await sessions.create()
