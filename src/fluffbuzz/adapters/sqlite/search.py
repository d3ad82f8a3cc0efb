"""Finding messages by any part of their text, in any script.

Rule: what a person types is text to find, never syntax. Text is folded in Python (SQLite folds ASCII alone) and
stored so; an index of all threes of characters proposes messages, and plain comparison decides. Two marks end every
stored text, so that its last two characters begin a three as well: so even one character is looked up in the index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from fluffbuzz.adapters.sqlite.message_json import decode_parts, is_whole
from fluffbuzz.core.messages import Message, Role, ToolResult
from fluffbuzz.core.session import SearchHit

INDEXED_CHARACTERS = 100
"""The index looks at no more of a query than its beginning; comparison looks at the whole."""

TRIGRAMS_OF_A_SHORT_QUERY = 200
"""With more continuations than these a short query is so common that reading the newest messages is faster."""

EXCERPT_MATCH = 200
EXCERPT_AROUND = 40
"""Characters that an excerpt shows of the match, and on either side of it."""

_MARK, _UNKNOWN = "\x03", "\ufffd"

_COLUMNS = "m.session, s.title, m.id, m.role, m.created, m.parts"
_BY_INDEX = f"""
    SELECT {_COLUMNS} FROM message_text t CROSS JOIN messages m ON m.id = t.rowid JOIN sessions s ON s.id = m.session
    WHERE t.message_text MATCH ? AND instr(m.folded, ?) ORDER BY t.rowid DESC LIMIT ?
"""  # noqa: S608 - a constant of this module, nothing of a user's
_BY_READING = f"""
    SELECT {_COLUMNS} FROM messages m CROSS JOIN sessions s ON s.id = m.session
    WHERE m.state <> 'streaming' AND instr(m.folded, ?) ORDER BY m.id DESC LIMIT ?
"""  # noqa: S608 - a constant of this module, nothing of a user's


def fold(text: str) -> str:
    """Text without regard to case; what the index cannot hold becomes U+FFFD."""
    folded = text.casefold().replace("\x00", _UNKNOWN).replace(_MARK, _UNKNOWN)
    return folded if is_whole(folded) else "".join(one if is_whole(one) else _UNKNOWN for one in folded)


def searchable(message: Message) -> str:
    """What of a message can be found: its text and the results of tools."""
    results = [part.text for part in message.parts if isinstance(part, ToolResult)]
    return "\n".join([message.text, *results] if message.text else results)


def indexed(message: Message) -> str:
    """What is stored of a message for searching."""
    return fold(searchable(message)) + 2 * _MARK


def find(connection: sqlite3.Connection, text: str, limit: int) -> Sequence[SearchHit]:
    """Messages that contain the text, newest first."""
    query = fold(text)
    if not query or limit <= 0:
        return []
    if len(query) >= 3:
        terms: Sequence[str] | None = [query[:INDEXED_CHARACTERS]]
    else:
        terms = _continuations(connection, query)
    if terms is None:
        rows = connection.execute(_BY_READING, (query, limit))
    elif terms:
        rows = connection.execute(_BY_INDEX, (" OR ".join(map(_phrase, terms)), query, limit))
    else:
        return []
    return [_hit(row, query) for row in rows.fetchall()]


def _continuations(connection: sqlite3.Connection, query: str) -> Sequence[str] | None:
    """All threes in the index that begin with the query; None if they are too many."""
    found: list[str] = []
    with closing(connection.execute("SELECT term FROM message_trigrams WHERE term >= ?", (query,))) as rows:
        for (term,) in rows:  # in order: the first that begins otherwise ends it
            if not term.startswith(query):
                return found
            if len(found) == TRIGRAMS_OF_A_SHORT_QUERY:
                return None
            found.append(term)
    return found


def _phrase(text: str) -> str:
    """A string in the index's query language, in which nothing but the quotation mark has a meaning."""
    return '"' + text.replace('"', '""') + '"'


def _hit(row: tuple[str, str, int, str, float, str], query: str) -> SearchHit:
    session, title, message, role, created, parts = row
    text = searchable(Message(Role(role), decode_parts(parts)))
    return SearchHit(session, title, message, role, created, excerpt(text, query))


def excerpt(text: str, query: str) -> str:
    """A piece of the text around the first place where the folded query is found; `…` where it is cut."""
    start, end = _place(text, query)
    first = max(0, start - EXCERPT_AROUND)
    last = min(end, start + EXCERPT_MATCH) + EXCERPT_AROUND
    return ("…" if first else "") + text[first:last] + ("…" if last < len(text) else "")


def _place(text: str, query: str) -> tuple[int, int]:
    """Where the folded query begins and ends in the text as it was written."""
    folded = fold(text)
    at = max(0, folded.find(query))
    if len(folded) == len(text):  # folding lengthens or keeps, so every character kept its length
        return at, at + len(query)
    start = end = position = 0
    for index, character in enumerate(text):
        if position <= at:
            start = index
        position += len(fold(character))
        end = index + 1
        if position >= at + len(query):
            break
    return start, end
