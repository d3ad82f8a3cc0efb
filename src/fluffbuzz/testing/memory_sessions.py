"""Conversations in memory, with the rules that every store keeps: the tree only grows, a turn ends once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from fluffbuzz.core.errors import StorageError, UsageError
from fluffbuzz.core.messages import Message, Role, ToolResult
from fluffbuzz.core.messages import system as system_message
from fluffbuzz.core.session import Call, CallOutcome, MessageState, SearchHit, Session, StoredMessage, TurnSummary
from fluffbuzz.ports import OpenTurn, Retreat

TITLE_CHARACTERS = 60
"""Of a session's first message that become its title."""

EXCERPT_AROUND = 40
"""Characters that an excerpt shows on either side of what was searched."""

_STATES = {
    CallOutcome.ANSWERED: MessageState.WHOLE,
    CallOutcome.FAILED: MessageState.CUT,
    CallOutcome.CANCELLED: MessageState.CANCELLED,
    CallOutcome.CUT: MessageState.CUT,
}


@dataclass(slots=True)
class _Room:
    """One session with its messages by id."""

    session: Session
    messages: dict[int, StoredMessage] = field(default_factory=dict)


class MemorySessionStore:
    """Fulfils `ports.SessionStore`.

    Args:
        now: where the time of each entry comes from (Unix seconds), such as `FakeClock().now`.

    Attributes:
        trouble: while set, every method raises it, as a database does whose disk is full.
        checkpoints: how often a growing answer was saved.
    """

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._ids = count(1)
        self._rooms: dict[str, _Room] = {}
        self._turns: dict[int, TurnSummary] = {}
        self._running: dict[int, OpenTurn] = {}
        self.trouble: StorageError | None = None
        self.checkpoints = 0

    async def create(self, *, model: str = "", system: str = "") -> Session:
        """Begin a session; a system text becomes its first message."""
        self._fail_if_troubled()
        name = f"s{next(self._ids):04}"
        self._rooms[name] = _Room(Session(name, "", self._now(), self._now(), model))
        if system:
            self._add(name, system_message(system), MessageState.WHOLE)
        return self._room(name).session

    async def find(self, session: str) -> Session | None:
        """A session by the beginning of its id."""
        self._fail_if_troubled()
        found = [name for name in self._rooms if session and name.startswith(session)]
        if len(found) > 1:
            raise UsageError(f"Several conversations begin with {session!r}: {', '.join(found)}.")
        return self._rooms[found[0]].session if found else None

    async def latest(self) -> Session | None:
        """The session used last in which somebody was answered, else the one used last."""
        used = await self.sessions(len(self._rooms))
        answered = (session for session in used if self._has_answer(session.id))
        return next(answered, next(iter(used), None))

    def _has_answer(self, session: str) -> bool:
        return any(each.message.role is Role.ASSISTANT for each in self._rooms[session].messages.values())

    async def sessions(self, limit: int) -> Sequence[Session]:
        """Sessions, used last first."""
        self._fail_if_troubled()
        found = sorted((room.session for room in self._rooms.values()), key=lambda each: (each.updated, each.id))
        return found[::-1][:limit]

    async def branch(
        self, session: str, limit: int | None = None, *, leaf: int | None = None
    ) -> Sequence[StoredMessage]:
        """The messages from the root to a leaf, the session's own by default; with a limit the newest of them."""
        self._fail_if_troubled()
        room = self._room(session)
        found: list[StoredMessage] = []
        at = room.session.leaf if leaf is None else leaf
        while at is not None and (limit is None or len(found) < limit):
            found.append(room.messages[at])
            at = room.messages[at].parent
        return found[::-1]

    async def everything(self, session: str) -> Sequence[StoredMessage]:
        """All messages of all branches, in the order in which they were added."""
        self._fail_if_troubled()
        return list(self._room(session).messages.values())

    async def append(self, session: str, message: Message) -> StoredMessage:
        """Add a whole message at the leaf and make it the leaf."""
        self._fail_if_troubled()
        return self._add(session, message, MessageState.WHOLE)

    async def move(self, session: str, leaf: int | None) -> None:
        """Go on from another message of the tree."""
        self._fail_if_troubled()
        if leaf is not None and leaf not in self._room(session).messages:
            raise UsageError(f"There is no message {leaf} in conversation {session}.")
        self._change(session, leaf=leaf, updated=self._now())

    async def select_model(self, session: str, model: str) -> None:
        """Keep the user's choice of model."""
        self._fail_if_troubled()
        self._change(session, model=model, updated=self._now())

    async def begin_turn(self, session: str, message: Message | None, *, parent: int | None = None) -> OpenTurn:
        """Store a message below a parent, or else the leaf, and open its answer; without one the parent is answered."""
        if parent is not None:
            await self.move(session, parent)
        self._fail_if_troubled()
        asked = self._room(session).session.leaf
        if message is not None:
            asked = self._add(session, message, MessageState.WHOLE).id
        if asked is None:
            raise UsageError(f"Conversation {session} holds nothing that could be answered yet.")
        answer = self._add(session, Message(Role.ASSISTANT, ()), MessageState.STREAMING)
        turn = OpenTurn(next(self._ids), session, asked, answer.id)
        self._running[turn.id] = turn
        self._turns[turn.id] = TurnSummary(turn.id, session, self._now(), (), None)
        return turn

    async def checkpoint(self, turn: OpenTurn, answer: Message) -> None:
        """Store the answer as far as it has come."""
        self._fail_if_troubled()
        self._write(turn, answer, MessageState.STREAMING)
        self.checkpoints += 1

    async def end_turn(
        self,
        turn: OpenTurn,
        answer: Message,
        outcome: CallOutcome,
        calls: Sequence[Call] = (),
        retreat: Retreat | None = None,
    ) -> None:
        """Store the answer as it ended, and its calls; one that failed and is empty is taken out."""
        self._fail_if_troubled()
        summary = self._turns[turn.id]
        if turn.id not in self._running and not summary.calls:
            unworded = tuple(replace(call, message="") for call in calls)
            self._turns[turn.id] = replace(summary, calls=unworded)
        self._write(turn, answer, _STATES[outcome])
        del self._running[turn.id]
        self._turns[turn.id] = replace(summary, calls=tuple(calls), outcome=outcome)
        room = self._room(turn.session)
        for call in calls:  # the answer is of the last model that was not heard to fail
            stored = room.messages[turn.answer]
            if not stored.model or call.outcome is not CallOutcome.FAILED:
                room.messages[turn.answer] = replace(stored, model=call.model)
        has_answers = any(stored.parent == turn.answer for stored in room.messages.values())
        if outcome is CallOutcome.FAILED and not answer.parts and not has_answers:
            self._take_out(turn, retreat or Retreat(turn.user_message))
        self._change(turn.session, updated=self._now())

    async def turns(self, session: str | None = None, since: float = 0.0) -> Sequence[TurnSummary]:
        """Turns with their calls, oldest first."""
        self._fail_if_troubled()
        return [turn for turn in self._turns.values() if session in (None, turn.session) and turn.started >= since]

    async def search(self, text: str, limit: int) -> Sequence[SearchHit]:
        """Messages that contain the text, newest first."""
        self._fail_if_troubled()
        found = [
            (stored, room.session)
            for room in self._rooms.values()
            for stored in room.messages.values()
            if text and stored.state is not MessageState.STREAMING and text.casefold() in _words(stored).casefold()
        ]
        newest = sorted(found, key=lambda each: each[0].id, reverse=True)[: max(0, limit)]
        return [_hit(stored, session, text) for stored, session in newest]

    async def rename(self, session: str, title: str) -> None:
        """Give a session a title."""
        self._fail_if_troubled()
        self._change(session, title=title)

    async def delete(self, session: str) -> None:
        """Delete a session; its calls stay in the ledger without text."""
        self._fail_if_troubled()
        self._room(session)
        del self._rooms[session]
        self._running = {id_: turn for id_, turn in self._running.items() if turn.session != session}
        for turn in [turn for turn in self._turns.values() if turn.session == session]:
            calls = tuple(replace(call, message="") for call in turn.calls)
            self._turns[turn.id] = replace(turn, calls=calls, outcome=turn.outcome or CallOutcome.CUT)

    async def close(self) -> None:
        """Nothing is held."""

    def die(self) -> None:
        """What the next process finds after this one was killed: every running turn is cut where it was last saved."""
        for turn in self._running.values():
            messages = self._room(turn.session).messages
            messages[turn.answer] = replace(messages[turn.answer], state=MessageState.CUT)
            self._turns[turn.id] = replace(self._turns[turn.id], outcome=CallOutcome.CUT)
        self._running.clear()

    def _fail_if_troubled(self) -> None:
        if self.trouble:
            raise self.trouble

    def _room(self, session: str) -> _Room:
        if session not in self._rooms:
            raise StorageError(f"There is no conversation {session}; it may have been deleted.")
        return self._rooms[session]

    def _change(self, session: str, **changes: object) -> None:
        room = self._room(session)
        room.session = replace(room.session, **changes)  # type: ignore[arg-type]  # fields of Session, each of its type

    def _add(self, session: str, message: Message, state: MessageState) -> StoredMessage:
        room = self._room(session)
        stored = StoredMessage(next(self._ids), room.session.leaf, message, state, self._now())
        room.messages[stored.id] = stored
        title = room.session.title
        if message.role is Role.USER and not title:
            title = " ".join(message.text.split())
            title = title if len(title) <= TITLE_CHARACTERS else title[: TITLE_CHARACTERS - 1].rstrip() + "…"
        self._change(session, leaf=stored.id, updated=self._now(), messages=len(room.messages), title=title)
        return stored

    def _take_out(self, turn: OpenTurn, retreat: Retreat) -> None:
        room = self._room(turn.session)
        del room.messages[turn.answer]
        self._change(turn.session, messages=len(room.messages))
        if room.session.leaf == turn.answer:
            self._change(turn.session, leaf=retreat.leaf)
            if retreat.system:
                self._add(turn.session, retreat.system, MessageState.WHOLE)

    def _write(self, turn: OpenTurn, answer: Message, state: MessageState) -> None:
        if turn.id not in self._running:
            raise StorageError(f"The answer in conversation {turn.session} was ended or deleted meanwhile.")
        messages = self._room(turn.session).messages
        messages[turn.answer] = replace(messages[turn.answer], message=answer, state=state)


def _words(stored: StoredMessage) -> str:
    results = [part.text for part in stored.message.parts if isinstance(part, ToolResult)]
    return "\n".join([stored.message.text, *results])


def _hit(stored: StoredMessage, session: Session, text: str) -> SearchHit:
    words = _words(stored)
    at = max(0, words.casefold().find(text.casefold()))
    excerpt = words[max(0, at - EXCERPT_AROUND) : at + len(text) + EXCERPT_AROUND]
    return SearchHit(session.id, session.title, stored.id, stored.message.role, stored.created, excerpt)
