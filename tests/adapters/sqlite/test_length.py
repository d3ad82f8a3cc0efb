"""A long conversation is as quick to take up as a short one: counted in SQLite's own steps, not in time."""

from __future__ import annotations

from typing import Any

import pytest

from fluffbuzz.adapters.sqlite import Database, SqliteSessionStore, tree
from fluffbuzz.adapters.sqlite.database import Access
from fluffbuzz.core.messages import assistant, user
from fluffbuzz.core.session import MessageState

SHORT, LONG = 30, 3000
TOLERANCE = 1.5
"""Deeper indexes cost a little; what grows with the length would cost a hundred times as much."""


def fill(database: Database, name: str, messages: int) -> None:
    def work(connection: Any) -> None:
        leaf = None
        for number in range(messages):
            message = (assistant if number % 2 else user)(f"message {number} 東京")
            leaf = tree.add(connection, name, leaf, message, MessageState.WHOLE, 1.0).id

    database.perform(Access.WRITE, "fill", work)


@pytest.mark.parametrize(
    "use",
    [
        lambda store, session: store.find(session[:11]),
        lambda store, session: store.latest(),
        lambda store, session: store.sessions(20),
        lambda store, session: store.branch(session, 20),
        lambda store, session: store.append(session, user("one more")),
        lambda store, session: store.begin_turn(session, user("one more")),
        lambda store, session: store.begin_turn(session, None),
        lambda store, session: store.search("東京", 20),
        lambda store, session: store.search("message", 20),
    ],
)
def test_no_use_of_it_takes_more_steps_in_a_long_conversation(open_db: Any, run: Any, use: Any) -> None:
    steps = {}
    for messages in (SHORT, LONG):
        database = open_db(None)
        store = SqliteSessionStore(database)
        session = run(store.create()).id
        fill(database, session, messages)
        seen = [0]

        def count(seen: list[int] = seen) -> int:
            seen[0] += 1
            return 0

        database._connection.set_progress_handler(count, 1)
        run(use(store, session))
        database._connection.set_progress_handler(None, 0)
        steps[messages] = seen[0]
        run(store.close())
    assert 0 < steps[LONG] <= TOLERANCE * steps[SHORT]


def test_a_conversation_of_any_length_is_read_in_its_order(open_db: Any, run: Any) -> None:
    database = open_db(None)
    store = SqliteSessionStore(database)
    session = run(store.create()).id
    fill(database, session, LONG)
    assert [stored.message.text for stored in run(store.branch(session))] == [f"message {n} 東京" for n in range(LONG)]
    run(store.close())
