"""Conversations: what is stored when, what the leaf is after each step, and what remains when a session is deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fluffbuzz.adapters.sqlite import Database, SqliteSessionStore
from fluffbuzz.core.errors import StorageError, UsageError
from fluffbuzz.core.messages import Image, Message, Role, Text, Thinking, ToolCall, assistant, system, user
from fluffbuzz.core.session import Call, CallKind, CallOutcome, MessageState, Timings
from fluffbuzz.core.usage import Usage, estimated, exact, total
from fluffbuzz.ports import OpenTurn, SessionStore

NOTHING = Message(Role.ASSISTANT, ())
CALL = Call(
    CallKind.ANSWER, "vllm/m", "http://127.0.0.1:8000/v1", "VLLM_API_KEY", 5.0,
    Usage(exact(40), estimated(8), exact(32)), Timings(0.09, 0.5), CallOutcome.ANSWERED, "stop", "", "",
)  # fmt: skip


def texts(store: SqliteSessionStore, run: Any, session: str, limit: int | None = None) -> list[str]:
    return [stored.message.text for stored in run(store.branch(session, limit))]


def ask(store: SqliteSessionStore, run: Any, session: str, question: str, answer: str) -> OpenTurn:
    turn: OpenTurn = run(store.begin_turn(session, user(question)))
    run(store.end_turn(turn, assistant(answer), CallOutcome.ANSWERED))
    return turn


def test_the_store_is_what_the_port_asks_for(store: SqliteSessionStore) -> None:
    port: SessionStore = store
    assert port is store


def test_a_new_session_is_empty(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create(model="vllm/m"))
    assert (session.title, session.model, session.leaf, session.messages) == ("", "vllm/m", None, 0)
    assert session.created == session.updated
    assert run(store.branch(session.id)) == []


def test_a_system_text_becomes_the_first_message_but_not_the_title(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create(system="Be brief."))
    ask(store, run, session.id, "Why is the sky blue?", "Rayleigh.")
    assert texts(store, run, session.id) == ["Be brief.", "Why is the sky blue?", "Rayleigh."]
    assert run(store.find(session.id)).title == "Why is the sky blue?"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("  two\n\n lines ", "two lines"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("half \udcff", "half ?"),
        ("", ""),
    ],
)
def test_the_title_is_the_beginning_of_the_first_message(
    store: SqliteSessionStore, run: Any, text: str, title: str
) -> None:
    session = run(store.create())
    run(store.append(session.id, user(text)))
    assert run(store.find(session.id)).title == title


def test_a_title_that_the_user_gave_stays(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    run(store.rename(session.id, "Sky"))
    run(store.append(session.id, user("Why is it blue?")))
    assert run(store.find(session.id)).title == "Sky"


def test_a_turn_stores_the_message_and_opens_an_answer_below_it(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    asked, answer = run(store.branch(session.id))
    assert (asked.id, asked.parent, asked.state, asked.message) == (
        turn.user_message,
        None,
        MessageState.WHOLE,
        user("question"),
    )
    assert (answer.id, answer.parent, answer.state, answer.message) == (
        turn.answer,
        asked.id,
        MessageState.STREAMING,
        NOTHING,
    )
    found = run(store.find(session.id))
    assert (found.leaf, found.messages) == (turn.answer, 2)


def test_a_checkpoint_keeps_the_answer_so_far(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    for text in ("an", "answ", "answer"):
        run(store.checkpoint(turn, assistant(text)))
        stored = run(store.branch(session.id))[-1]
        assert (stored.message, stored.state) == (assistant(text), MessageState.STREAMING)


@pytest.mark.parametrize(
    ("outcome", "answer", "state"),
    [
        (CallOutcome.ANSWERED, assistant("whole"), MessageState.WHOLE),
        (CallOutcome.ANSWERED, NOTHING, MessageState.WHOLE),
        (CallOutcome.FAILED, assistant("pa"), MessageState.CUT),
        (CallOutcome.FAILED, Message(Role.ASSISTANT, (Thinking("hm"),)), MessageState.CUT),
        (CallOutcome.FAILED, Message(Role.ASSISTANT, (ToolCall("1", "f", ""),)), MessageState.CUT),
        (CallOutcome.CANCELLED, assistant("pa"), MessageState.CANCELLED),
        (CallOutcome.CANCELLED, NOTHING, MessageState.CANCELLED),
        (CallOutcome.CUT, assistant("pa"), MessageState.CUT),
    ],
)  # fmt: skip
def test_an_answer_is_the_leaf_and_its_state_tells_how_it_ended(
    store: SqliteSessionStore, run: Any, outcome: CallOutcome, answer: Message, state: MessageState
) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    run(store.end_turn(turn, answer, outcome))
    stored = run(store.branch(session.id))[-1]
    assert (stored.id, stored.message, stored.state) == (turn.answer, answer, state)
    assert [summary.outcome for summary in run(store.turns(session.id))] == [outcome]


@pytest.mark.parametrize("answer", [NOTHING, assistant(""), Message(Role.ASSISTANT, (Thinking(""), Text("")))])
def test_a_turn_that_failed_without_an_answer_leaves_the_question_as_the_leaf(
    store: SqliteSessionStore, run: Any, answer: Message
) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    run(store.end_turn(turn, answer, CallOutcome.FAILED))
    assert [stored.id for stored in run(store.everything(session.id))] == [turn.user_message]
    found = run(store.find(session.id))
    assert (found.leaf, found.messages) == (turn.user_message, 1)
    again = run(store.begin_turn(session.id, None))
    assert again.user_message == turn.user_message
    assert again.answer > turn.answer, "ids are never used twice"


def test_an_empty_answer_below_which_somebody_wrote_stays(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    run(store.append(session.id, user("meanwhile")))
    run(store.end_turn(turn, NOTHING, CallOutcome.FAILED))
    stored = run(store.branch(session.id))
    assert [(one.message.text, one.state) for one in stored] == [
        ("question", MessageState.WHOLE),
        ("", MessageState.CUT),
        ("meanwhile", MessageState.WHOLE),
    ]


def test_a_retry_is_a_branch_beside_the_first_answer(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    first = ask(store, run, session.id, "question", "one")
    run(store.move(session.id, first.user_message))
    second = run(store.begin_turn(session.id, None))
    assert second.user_message == first.user_message
    run(store.end_turn(second, assistant("two"), CallOutcome.ANSWERED))
    assert texts(store, run, session.id) == ["question", "two"]
    assert [stored.message.text for stored in run(store.everything(session.id))] == ["question", "one", "two"]
    run(store.move(session.id, first.answer))
    assert texts(store, run, session.id) == ["question", "one"]


def test_a_session_can_go_on_from_before_its_first_message(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    ask(store, run, session.id, "question", "answer")
    run(store.move(session.id, None))
    assert texts(store, run, session.id) == []
    run(store.append(session.id, user("other")))
    assert run(store.branch(session.id))[0].parent is None


def test_nothing_can_be_answered_in_an_empty_session(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    with pytest.raises(UsageError, match="nothing that could be answered"):
        run(store.begin_turn(session.id, None))


def test_a_message_of_another_session_is_no_place_to_go_to(store: SqliteSessionStore, run: Any) -> None:
    here, there = run(store.create()), run(store.create())
    theirs = run(store.append(there.id, user("theirs")))
    with pytest.raises(UsageError, match=f"no message {theirs.id} in conversation {here.id}"):
        run(store.move(here.id, theirs.id))


@pytest.mark.parametrize(("limit", "kept"), [(0, 0), (1, 1), (3, 3), (6, 6), (99, 6), (None, 6)])
def test_a_limited_branch_is_its_newest_messages(
    store: SqliteSessionStore, run: Any, limit: int | None, kept: int
) -> None:
    session = run(store.create())
    for number in range(3):
        ask(store, run, session.id, f"q{number}", f"a{number}")
    every = ["q0", "a0", "q1", "a1", "q2", "a2"]
    assert texts(store, run, session.id, limit) == every[len(every) - kept :]


def test_sessions_are_listed_used_last_first(store: SqliteSessionStore, run: Any) -> None:
    assert run(store.latest()) is None
    one, two, three = (run(store.create()).id for _ in range(3))
    turn = run(store.begin_turn(one, user("hi")))
    assert [session.id for session in run(store.sessions(9))] == [one, three, two]
    run(store.select_model(two, "vllm/m"))
    assert [session.id for session in run(store.sessions(2))] == [two, one]
    run(store.end_turn(turn, assistant("hello"), CallOutcome.ANSWERED))
    assert run(store.latest()).id == one
    assert run(store.sessions(0)) == []
    assert run(store.find(two)).model == "vllm/m"


def test_images_and_everything_else_of_a_message_come_back(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    message = user("what is this?", (Image("image/png", bytes(range(256)) * 50),))
    assert run(store.append(session.id, message)) == run(store.branch(session.id))[0]
    assert run(store.branch(session.id))[0].message == message


def test_calls_come_back_as_they_were_and_name_the_answers_model(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    refused = replace(
        CALL, model="vllm/a", outcome=CallOutcome.FAILED, failure="refused", message="no \udcff", usage=Usage(),
        timings=Timings(None, 0.1), finish="",
    )  # fmt: skip
    calls = [refused, CALL, replace(refused, kind=CallKind.CONTINUATION)]
    run(store.end_turn(turn, assistant("answer"), CallOutcome.CUT, calls))
    assert run(store.branch(session.id))[-1].model == "vllm/m"
    (summary,) = run(store.turns())
    kept = replace(refused, message="no ?")
    assert summary.calls == (kept, CALL, replace(kept, kind=CallKind.CONTINUATION))
    assert (summary.id, summary.session, summary.outcome) == (turn.id, session.id, CallOutcome.CUT)
    assert total(call.usage for call in summary.calls).input.tokens == 40


def test_turns_can_be_chosen_by_session_and_time(store: SqliteSessionStore, run: Any) -> None:
    one, two = run(store.create()).id, run(store.create()).id
    turns = [ask(store, run, session, "q", "a").id for session in (one, two, one)]
    assert [turn.id for turn in run(store.turns())] == turns
    assert [turn.id for turn in run(store.turns(one))] == [turns[0], turns[2]]
    since = run(store.turns(two))[0].started
    assert [turn.id for turn in run(store.turns(since=since))] == turns[1:]
    assert [turn.id for turn in run(store.turns(one, since))] == turns[2:]


def test_a_deleted_session_is_gone_but_its_calls_stay_in_the_ledger_without_words(
    store: SqliteSessionStore, database: Database, run: Any
) -> None:
    session, other = run(store.create()), run(store.create())
    turn = run(store.begin_turn(session.id, user("a secret")))
    calls = [replace(CALL, message="quoted: a secret")]
    run(store.end_turn(turn, assistant("kept secret"), CallOutcome.ANSWERED, calls))
    ask(store, run, other.id, "no secret", "none")
    run(store.delete(session.id))
    assert run(store.find(session.id)) is None
    assert [hit.session for hit in run(store.search("secret", 9))] == [other.id]
    (kept,) = run(store.turns(session.id))
    assert kept.calls == (CALL,)
    assert database._connection.execute("SELECT count(*) FROM messages").fetchone() == (2,)


@pytest.mark.parametrize(
    "write",
    [
        lambda store, turn: store.checkpoint(turn, assistant("answer")),
        lambda store, turn: store.end_turn(turn, assistant("answer"), CallOutcome.ANSWERED),
    ],
)
def test_an_answer_to_a_session_deleted_meanwhile_is_told_not_to_be_kept(
    store: SqliteSessionStore, run: Any, write: Any
) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    run(store.delete(session.id))
    with pytest.raises(StorageError, match=f"{session.id} cannot be stored: it was ended or deleted"):
        run(write(store, turn))


def test_a_turn_ends_once(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    turn = ask(store, run, session.id, "question", "answer")
    with pytest.raises(StorageError, match="ended or deleted"):
        run(store.end_turn(turn, assistant("other"), CallOutcome.ANSWERED))
    assert texts(store, run, session.id) == ["question", "answer"]


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.branch("0123456789ab"),
        lambda store: store.everything("0123456789ab"),
        lambda store: store.append("0123456789ab", user("hi")),
        lambda store: store.move("0123456789ab", None),
        lambda store: store.select_model("0123456789ab", "vllm/m"),
        lambda store: store.begin_turn("0123456789ab", user("hi")),
        lambda store: store.rename("0123456789ab", "title"),
        lambda store: store.delete("0123456789ab"),
    ],
)
def test_a_session_that_is_not_there_is_named(store: SqliteSessionStore, run: Any, use: Any) -> None:
    with pytest.raises(StorageError, match="no conversation 0123456789ab") as caught:
        run(use(store))
    assert caught.value.next_step == "Try: fluffbuzz sessions list"


def test_the_schema_itself_refuses_to_rewrite_what_was_said(
    store: SqliteSessionStore, database: Database, run: Any
) -> None:
    session = run(store.create())
    stored = run(store.append(session.id, system("as said")))
    for change in ("parts = '[]'", "parent = 0", "state = 'streaming'", "created = 0"):
        with pytest.raises(Exception, match="never changed"):
            database._connection.execute(f"UPDATE messages SET {change} WHERE id = ?", (stored.id,))
