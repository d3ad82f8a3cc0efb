"""Search: any part of any text in any script is found, and nothing that a person types is syntax."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluffbuzz.adapters.sqlite import Database, SqliteSessionStore, open_database
from fluffbuzz.adapters.sqlite.search import EXCERPT_AROUND, EXCERPT_MATCH, TRIGRAMS_OF_A_SHORT_QUERY, excerpt, fold
from fluffbuzz.core.messages import Message, Role, Text, Thinking, ToolResult, assistant, user
from fluffbuzz.core.session import CallOutcome

# What the index cannot hold is tested by itself; surrogates are no text.
CHARACTERS = st.characters(exclude_characters="\x00\x03", exclude_categories=["Cs"])
AWKWARD = st.sampled_from("\"'%_*?()^:+-~東京ßİΣσς\u0301\U0010ffff\uffff\n abAB")
TEXTS = st.text(st.one_of(AWKWARD, CHARACTERS), max_size=12)


def stored_texts(run: Any, *texts: str) -> tuple[SqliteSessionStore, list[int]]:
    ticks, chance = itertools.count(1), itertools.count()
    store = SqliteSessionStore(
        open_database(None, now=lambda: float(next(ticks)), token=lambda size: next(chance).to_bytes(size, "big"))
    )
    session = run(store.create())
    return store, [run(store.append(session.id, user(text))).id for text in texts]


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
@settings(max_examples=150, deadline=None)
def test_exactly_the_messages_that_contain_the_text_are_found_newest_first(
    texts: list[str], data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text)))
    part = text[start : data.draw(st.integers(start, len(text)))]
    for query in filter(None, (part, data.draw(TEXTS))):
        with asyncio.Runner() as runner:
            store, ids = stored_texts(runner.run, *texts)
            hits = runner.run(store.search(query, 99))
            runner.run(store.close())
        expected = [id_ for id_, each in zip(ids, texts, strict=True) if query.casefold() in each.casefold()]
        assert [hit.message for hit in hits] == expected[::-1]
        assert all(query.casefold() in hit.excerpt.casefold() for hit in hits)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("東京タワーへ行きたい", "東京"),
        ("行きたいのは東京", "東京"),
        ("行きたいのは東京", "京"),
        ("行きたいのは東京", "きたいのは"),
        ("a quiver", "q"),
        ("the elephant", "leph"),
        ("GROẞE STRASSE", "große straße"),
        ("ПРИВЕТ, мир", "привет"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ('she said "no"', '"no"'),
        ("100 % sure_thing", "% s"),
        ("100 % sure_thing", "_"),
        ("a OR b AND NOT c", "OR b AND NOT"),
        ("NEAR(x y)", "near(x"),
        ("col:value*", "col:value*"),
        ("nul \x00 within", "nul \x00 wi"),
        ("half \udcff within", "half \udcff"),
        ("x" * 5000 + "needle", "x" * 300 + "needle"),
    ],
)
def test_it_finds(store: SqliteSessionStore, run: Any, text: str, query: str) -> None:
    session = run(store.create())
    stored = run(store.append(session.id, user(text)))
    run(store.append(session.id, user("nothing of the sort 水")))
    assert [hit.message for hit in run(store.search(query, 9))] == [stored.id]


@pytest.mark.parametrize("query", ["a%", "a_", "_ _", "*", '"', "x OR a", "NOT z", "folded:a", "京東", "\x03", "\x00"])
def test_it_does_not_find(store: SqliteSessionStore, run: Any, query: str) -> None:
    session = run(store.create())
    run(store.append(session.id, user("a river in 東京")))
    assert run(store.search(query, 9)) == []


def test_an_empty_query_and_no_room_find_nothing(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    run(store.append(session.id, user("text")))
    assert run(store.search("", 9)) == []
    assert run(store.search("text", 0)) == []


def test_a_short_query_with_many_continuations_is_found_by_reading_the_newest(
    store: SqliteSessionStore, database: Database, run: Any
) -> None:
    session = run(store.create())
    many = " ".join(f"a{chr(0x4E00 + number)}" for number in range(TRIGRAMS_OF_A_SHORT_QUERY + 1))
    ids = [run(store.append(session.id, user(text))).id for text in (many, "A!", "none", "za")]
    run(store.checkpoint(run(store.begin_turn(session.id, None)), assistant("an answer that grows")))
    assert [hit.message for hit in run(store.search("a", 9))] == [ids[3], ids[1], ids[0]]
    assert [hit.message for hit in run(store.search("a", 2))] == [ids[3], ids[1]]


def test_a_hit_says_where_it_is(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("Where is Tokyo?")))
    run(store.end_turn(turn, assistant("東京 lies in Japan."), CallOutcome.ANSWERED))
    (hit,) = run(store.search("japan", 9))
    assert (hit.session, hit.title, hit.message, hit.role) == (session.id, "Where is Tokyo?", turn.answer, "assistant")
    assert hit.excerpt == "東京 lies in Japan."
    assert hit.created == run(store.branch(session.id))[-1].created


def test_an_answer_is_found_once_it_has_ended_and_only_as_it_ended(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    turn = run(store.begin_turn(session.id, user("question")))
    run(store.checkpoint(turn, assistant("first draft")))
    for query in ("draft", "dr"):
        assert run(store.search(query, 9)) == []
    run(store.end_turn(turn, assistant("final words"), CallOutcome.CANCELLED))
    assert [hit.message for hit in run(store.search("final", 9))] == [turn.answer]
    for query in ("draft", "dr"):
        assert run(store.search(query, 9)) == []


def test_text_and_tool_results_are_found_thinking_is_not(store: SqliteSessionStore, run: Any) -> None:
    session = run(store.create())
    run(store.append(session.id, Message(Role.ASSISTANT, (Thinking("musing"), Text("spo"), Text("ken")))))
    run(store.append(session.id, Message(Role.TOOL, (ToolResult("1", "measured"),))))
    assert {query: len(run(store.search(query, 9))) for query in ("musing", "spoken", "measured")} == {
        "musing": 0,
        "spoken": 1,
        "measured": 1,
    }


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("short", "hor", "short"),
        ("a" * 50 + "X" + "b" * 50, "x", "…" + "a" * 40 + "X" + "b" * 40 + "…"),
        ("ßßß" * 20 + "X" + "b" * 10, "x", "…" + "ß" * 40 + "X" + "b" * 10),
        ("Straße", "as", "Straße"),
        ("ß", "s", "ß"),
    ],
)
def test_an_excerpt_shows_the_text_around_the_match_as_it_was_written(text: str, query: str, shown: str) -> None:
    assert excerpt(text, fold(query)) == shown


@given(TEXTS.map(lambda text: text * 30), st.integers(0, 360), st.integers(1, 400))
def test_an_excerpt_is_bounded_and_a_piece_of_the_text(text: str, start: int, length: int) -> None:
    piece = excerpt(text, fold(text[start : start + length]))
    assert len(piece) <= EXCERPT_MATCH + 2 * EXCERPT_AROUND + 2
    assert piece.removeprefix("…").removesuffix("…") in text or piece in text
