"""Sessions and their trees of messages, as statements within a transaction that the caller has begun.

Rule: the tree only grows. A message's parent is the leaf of the time or was named; nothing is rewritten, but an
answer while it streams. No statement reads more than it returns: neither a session's length nor the number of sessions
slows it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from fluffbuzz.adapters.sqlite.message_json import decode_parts, encode_parts, storable
from fluffbuzz.adapters.sqlite.search import indexed
from fluffbuzz.adapters.sqlite.session_ids import CHANCE_BYTES, as_written, session_id
from fluffbuzz.core.errors import StorageError, UsageError
from fluffbuzz.core.messages import Message, Role
from fluffbuzz.core.session import MessageState, Session, StoredMessage

TITLE_CHARACTERS = 60
NAMES_TRIED = 20
"""How many names are drawn for a new session before giving up; two alike need the same millisecond already."""

NO_LIMIT = -1
"""SQLite's word for "all"."""

_SESSION = "SELECT id, title, created, updated, model, leaf, messages FROM sessions"
_MESSAGE = "id, parent, role, state, created, model, parts"
_BRANCH = """
    WITH RECURSIVE branch AS (
        SELECT id, parent, role, state, created, model, parts FROM messages WHERE id = ?
        UNION ALL
        SELECT m.id, m.parent, m.role, m.state, m.created, m.model, m.parts
        FROM branch JOIN messages m ON m.id = branch.parent
        LIMIT ?
    )
    SELECT * FROM branch
"""


def create(connection: sqlite3.Connection, now: float, token: Callable[[int], bytes], model: str) -> str:
    """Add an empty session; returns its name."""
    for _ in range(NAMES_TRIED):
        name = session_id(now, token(CHANCE_BYTES))
        added = connection.execute(
            "INSERT INTO sessions (id, title, created, updated, model) VALUES (?, '', ?, ?, ?) ON CONFLICT DO NOTHING",
            (name, now, now, model),
        )
        if added.rowcount:
            return name
    raise StorageError("FluffBuzz could not begin a conversation: no free name was found.", "Try again.")


def session(connection: sqlite3.Connection, name: str) -> Session:
    """A session by its whole name.

    Raises:
        StorageError: there is none, any more or at all.
    """
    row = connection.execute(f"{_SESSION} WHERE id = ?", (name,)).fetchone()
    if row is None:
        raise no_session(name)
    return Session(*row)


def find(connection: sqlite3.Connection, text: str) -> Session | None:
    """A session by the beginning of its name.

    Raises:
        UsageError: several begin so.
    """
    beginning = as_written(text)
    if not beginning.isascii() or not beginning.isalnum():
        return None
    found = sessions(connection, f"{_SESSION} WHERE id >= ? AND id < ? ORDER BY id LIMIT 3", beginning, beginning + "~")
    if len(found) > 1:
        names = ", ".join(one.id for one in found[:2]) + (" and more" if len(found) > 2 else "")
        raise UsageError(f"Several conversations begin with {text!r}: {names}.", "Write more of the name.")
    return found[0] if found else None


def by_use(connection: sqlite3.Connection, limit: int) -> Sequence[Session]:
    """Sessions, used last first."""
    return sessions(connection, f"{_SESSION} ORDER BY updated DESC, id DESC LIMIT ?", max(0, limit))


def latest(connection: sqlite3.Connection) -> Sequence[Session]:
    """The session used last in which somebody was answered, else the one used last; none where there is none."""
    answered = "EXISTS (SELECT 1 FROM messages WHERE messages.session = sessions.id AND role = 'assistant')"
    found = sessions(connection, f"{_SESSION} WHERE {answered} ORDER BY updated DESC, id DESC LIMIT ?", 1)
    return found or by_use(connection, 1)


def sessions(connection: sqlite3.Connection, sql: str, *values: str | int) -> Sequence[Session]:
    """The sessions that a statement of this module selects."""
    return [Session(*row) for row in connection.execute(sql, values)]


def add(
    connection: sqlite3.Connection, name: str, parent: int | None, message: Message, state: MessageState, now: float
) -> StoredMessage:
    """Add a message below a parent and make it the leaf; the first of a user gives the session its title."""
    added = connection.execute(
        "INSERT INTO messages (session, parent, role, state, created, folded, parts) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, parent, message.role.value, state.value, now, indexed(message), encode_parts(message.parts)),
    )
    id_ = added.lastrowid
    assert id_ is not None
    use(connection, name, id_, now)
    if message.role is Role.USER:
        connection.execute("UPDATE sessions SET title = ? WHERE id = ? AND title = ''", (_title(message), name))
    return StoredMessage(id_, parent, message, state, now)


def use(connection: sqlite3.Connection, name: str, leaf: int | None, now: float) -> None:
    """Note that a session was used, and where its branch ends now."""
    connection.execute("UPDATE sessions SET leaf = ?, updated = ? WHERE id = ?", (leaf, now, name))


def move(connection: sqlite3.Connection, name: str, leaf: int | None, now: float) -> None:
    """Go on from another message.

    Raises:
        UsageError: it is none of this session's.
    """
    session(connection, name)
    if leaf is not None:
        check_place(connection, name, leaf)
    use(connection, name, leaf, now)


def check_place(connection: sqlite3.Connection, name: str, message: int) -> None:
    """Make sure that a message can be gone on from.

    Raises:
        UsageError: it is none of this session's.
    """
    is_there = "SELECT 1 FROM messages WHERE id = ? AND session = ?"
    if not connection.execute(is_there, (message, name)).fetchone():
        next_step = f"Try: fluffbuzz sessions show {name}"
        raise UsageError(f"There is no message {message} in conversation {name}.", next_step)


def branch(connection: sqlite3.Connection, leaf: int | None, limit: int | None) -> Sequence[StoredMessage]:
    """The messages down to a leaf, oldest first; with a limit the newest of them."""
    rows = connection.execute(_BRANCH, (leaf, NO_LIMIT if limit is None else max(0, limit))).fetchall()
    return [_stored(row) for row in sorted(rows)]  # an older message has the smaller id


def everything(connection: sqlite3.Connection, name: str) -> Sequence[StoredMessage]:
    """All messages of a session in the order in which they were added."""
    session(connection, name)
    rows = connection.execute(f"SELECT {_MESSAGE} FROM messages WHERE session = ? ORDER BY id", (name,))  # noqa: S608 - a constant
    return [_stored(row) for row in rows]


def change(connection: sqlite3.Connection, name: str, assignment: str, *values: str | float) -> None:
    """Change columns of a session; `assignment` is the program's own.

    Raises:
        StorageError: there is no such session.
    """
    if not connection.execute(f"UPDATE sessions SET {assignment} WHERE id = ?", (*values, name)).rowcount:  # noqa: S608 - written in this package
        raise no_session(name)


def no_session(name: str) -> StorageError:
    """The answer to whoever names a session that is not there."""
    return StorageError(f"There is no conversation {name}; it may have been deleted.", "Try: fluffbuzz sessions list")


def _stored(row: tuple[int, int | None, str, str, float, str, str]) -> StoredMessage:
    id_, parent, role, state, created, model, parts = row
    return StoredMessage(id_, parent, Message(Role(role), decode_parts(parts)), MessageState(state), created, model)


def _title(message: Message) -> str:
    text = " ".join(storable(message.text[: TITLE_CHARACTERS * 10]).split())
    return text if len(text) <= TITLE_CHARACTERS else text[: TITLE_CHARACTERS - 1].rstrip() + "…"
