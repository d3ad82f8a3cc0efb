"""Turns and their calls: what was asked of whom, what it took and how it ended; within a caller's transaction.

Rule: a turn has no outcome exactly as long as its owner runs it. The ledger outlives the sessions it tells of, without
their words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from fluffbuzz.adapters.sqlite import tree
from fluffbuzz.adapters.sqlite.message_json import encode_parts, storable
from fluffbuzz.adapters.sqlite.search import indexed
from fluffbuzz.core.errors import StorageError, UsageError
from fluffbuzz.core.messages import Message, Role, Text, Thinking
from fluffbuzz.core.session import Call, CallKind, CallOutcome, MessageState, Timings, TurnSummary
from fluffbuzz.core.usage import Count, CountKind, Usage
from fluffbuzz.ports import OpenTurn, Retreat

_STATE = {
    CallOutcome.ANSWERED: MessageState.WHOLE,
    CallOutcome.FAILED: MessageState.CUT,
    CallOutcome.CANCELLED: MessageState.CANCELLED,
    CallOutcome.CUT: MessageState.CUT,
}
"""In which state an answer is left by how its turn ended."""

_CALL = """kind, model, base_url, credential, started, input_tokens, input_kind, output_tokens, output_kind,
    cached_tokens, cached_kind, reasoning_tokens, reasoning_kind, first_token, total, outcome, finish, failure,
    message"""
_ADD_CALL = f"INSERT INTO calls (turn, {_CALL}) VALUES (?{', ?' * 19})"  # noqa: S608 - constants
_TURNS = f"""
    SELECT t.id, t.session, t.started, t.outcome, c.id, {", ".join(f"c.{name.strip()}" for name in _CALL.split(","))}
    FROM turns t LEFT JOIN calls c ON c.turn = t.id
"""  # noqa: S608 - constants


def begin(
    connection: sqlite3.Connection, name: str, message: Message | None, parent: int | None, owner: str, now: float
) -> OpenTurn:
    """Store a message below a parent, or else the leaf, and open its answer; without one the parent is answered.

    Raises:
        UsageError: there is nothing to answer, or the parent is not of this session.
    """
    asked = tree.session(connection, name).leaf
    if parent is not None:
        tree.check_place(connection, name, parent)
        asked = parent
    if message is not None:
        asked = tree.add(connection, name, asked, message, MessageState.WHOLE, now).id
    if asked is None:
        raise UsageError(f"Conversation {name} holds nothing that could be answered yet.", "Write a message first.")
    answer = tree.add(connection, name, asked, Message(Role.ASSISTANT, ()), MessageState.STREAMING, now).id
    begun = connection.execute(
        "INSERT INTO turns (session, owner, started, user_message, answer) VALUES (?, ?, ?, ?, ?)",
        (name, owner, now, asked, answer),
    )
    assert begun.lastrowid is not None
    return OpenTurn(begun.lastrowid, name, asked, answer)


def checkpoint(connection: sqlite3.Connection, turn: OpenTurn, answer: Message) -> None:
    """Store the answer as far as it has come."""
    _write_answer(connection, turn, answer, MessageState.STREAMING)


def end(connection: sqlite3.Connection, turn: OpenTurn, outcome: CallOutcome, calls: Sequence[Call]) -> bool:
    """Record how a turn ended, and its calls; returns whether it was running until now.

    The calls of one that was ended or deleted meanwhile are counted all the same, once and without words.
    """
    ended = connection.execute(
        "UPDATE turns SET outcome = ? WHERE id = ? AND outcome IS NULL", (outcome.value, turn.id)
    )
    was_running = bool(ended.rowcount)
    if not was_running and connection.execute("SELECT 1 FROM calls WHERE turn = ?", (turn.id,)).fetchone():
        return False
    for call in calls:
        _add_call(connection, turn, call if was_running else replace(call, message=""))
    return was_running


def settle(
    connection: sqlite3.Connection,
    turn: OpenTurn,
    answer: Message,
    outcome: CallOutcome,
    retreat: Retreat | None,
    now: float,
) -> None:
    """Store the answer as it ended; one that failed and holds nothing is taken out: what it answered is the leaf again.

    With a retreat the branch goes on from there instead.
    """
    has_answers = connection.execute("SELECT 1 FROM messages WHERE parent = ?", (turn.answer,)).fetchone()
    if outcome is CallOutcome.FAILED and _holds_nothing(answer) and not has_answers:
        _take_out(connection, turn, retreat or Retreat(turn.user_message), now)
    else:
        _write_answer(connection, turn, answer, _STATE[outcome])
    tree.change(connection, turn.session, "updated = ?", now)


def owners(connection: sqlite3.Connection) -> Sequence[str]:
    """Whose turns are said to run."""
    return [owner for (owner,) in connection.execute("SELECT DISTINCT owner FROM turns WHERE outcome IS NULL")]


def cut(connection: sqlite3.Connection, owner: str) -> None:
    """Mark the turns of an owner that is dead; their answers stay as they were last stored."""
    connection.execute(
        """UPDATE messages SET state = 'cut' WHERE state = 'streaming'
        AND id IN (SELECT answer FROM turns WHERE owner = ? AND outcome IS NULL)""",
        (owner,),
    )
    connection.execute("UPDATE turns SET outcome = 'cut' WHERE owner = ? AND outcome IS NULL", (owner,))


def turns(connection: sqlite3.Connection, name: str | None, since: float) -> Sequence[TurnSummary]:
    """Turns with their calls, oldest first."""
    chosen, values = ("", ()) if name is None else ("t.session = ? AND ", (name,))
    rows = connection.execute(f"{_TURNS} WHERE {chosen}t.started >= ? ORDER BY t.id, c.id", (*values, since))
    found = []
    for (id_, session, started, outcome), group in groupby(rows, key=lambda row: row[:4]):
        calls = tuple(_call(row[5:]) for row in group if row[4] is not None)
        found.append(TurnSummary(id_, session, started, calls, CallOutcome(outcome) if outcome else None))
    return found


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Delete a session; its turns and calls stay, without a word of what was said."""
    connection.execute(
        "UPDATE turns SET user_message = NULL, answer = NULL, outcome = coalesce(outcome, 'cut') WHERE session = ?",
        (name,),
    )
    connection.execute("UPDATE calls SET message = '' WHERE turn IN (SELECT id FROM turns WHERE session = ?)", (name,))
    if not connection.execute("DELETE FROM sessions WHERE id = ?", (name,)).rowcount:
        raise tree.no_session(name)


def _add_call(connection: sqlite3.Connection, turn: OpenTurn, call: Call) -> None:
    """Record a call; the answer is said to be of the model that was last not heard to fail."""
    usage, timings = call.usage, call.timings
    counts = [(count.tokens, count.kind.value) for count in (usage.input, usage.output, usage.cached, usage.reasoning)]
    words = (call.finish, call.failure, storable(call.message))
    values = (
        call.kind.value,
        call.model,
        call.base_url,
        call.credential,
        call.started,
        *(v for c in counts for v in c),
    )
    connection.execute(_ADD_CALL, (turn.id, *values, timings.first_token, timings.total, call.outcome.value, *words))
    connection.execute(
        "UPDATE messages SET model = ? WHERE id = ? AND (model = '' OR ?)",
        (call.model, turn.answer, call.outcome is not CallOutcome.FAILED),
    )


def _take_out(connection: sqlite3.Connection, turn: OpenTurn, retreat: Retreat, now: float) -> None:
    connection.execute("UPDATE turns SET answer = NULL WHERE id = ?", (turn.id,))
    moved = connection.execute(
        "UPDATE sessions SET leaf = ? WHERE id = ? AND leaf = ?", (retreat.leaf, turn.session, turn.answer)
    )
    connection.execute("DELETE FROM messages WHERE id = ?", (turn.answer,))
    if moved.rowcount and retreat.system:
        tree.add(connection, turn.session, retreat.leaf, retreat.system, MessageState.WHOLE, now)


def _write_answer(connection: sqlite3.Connection, turn: OpenTurn, answer: Message, state: MessageState) -> None:
    written = connection.execute(
        "UPDATE messages SET folded = ?, parts = ?, state = ? WHERE id = ? AND state = 'streaming'",
        (indexed(answer), encode_parts(answer.parts), state.value, turn.answer),
    )
    if not written.rowcount:
        raise not_running(turn)


def not_running(turn: OpenTurn) -> StorageError:
    """The answer to whoever stores for a turn that is over."""
    return StorageError(
        f"The answer in conversation {turn.session} cannot be stored: it was ended or deleted meanwhile.",
        "Try: fluffbuzz sessions list",
    )


def _holds_nothing(message: Message) -> bool:
    return all(isinstance(part, Text | Thinking) and not part.text for part in message.parts)


def _call(row: Sequence[Any]) -> Call:
    kind, model, base_url, credential, started, *rest = row
    counts = [Count(rest[place], CountKind(rest[place + 1])) for place in range(0, 8, 2)]
    first_token, total, outcome, finish, failure, message = rest[8:]
    return Call(
        CallKind(kind),
        model,
        base_url,
        credential,
        started,
        Usage(*counts),
        Timings(first_token, total),
        CallOutcome(outcome),
        finish,
        failure,
        message,
    )
