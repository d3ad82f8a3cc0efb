"""`SessionStore` in the state database.

Rule: a user's message is on the disk before `begin_turn` returns, an answer when `end_turn` does; checkpoints between
them survive the end of the process, though not a power cut. Turns of processes that have died are found and marked
whenever a session is opened or listed; those of living ones are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import TypeVar

from fluffbuzz.adapters.sqlite import ledger, search, tree
from fluffbuzz.adapters.sqlite.database import Access, Database, Work
from fluffbuzz.adapters.sqlite.faults import file_error
from fluffbuzz.adapters.sqlite.message_json import storable
from fluffbuzz.adapters.sqlite.ownership import Ownership
from fluffbuzz.core.messages import Message
from fluffbuzz.core.messages import system as system_message
from fluffbuzz.core.session import Call, CallOutcome, MessageState, SearchHit, Session, StoredMessage, TurnSummary
from fluffbuzz.ports import OpenTurn, Retreat

T = TypeVar("T")

_OWNER_BYTES = 8


class SqliteSessionStore:
    """Conversations in the state database; see `SessionStore` for what the methods promise."""

    def __init__(self, database: Database) -> None:
        self._database = database
        owner = database.token(_OWNER_BYTES).hex()
        self._ownership = Ownership(database.state_dir / "running" if database.state_dir else None, owner)

    async def create(self, *, model: str = "", system: str = "") -> Session:
        """Begin a session; a system text becomes its first message."""

        def work(connection: Connection) -> Session:
            now = self._database.now()
            name = tree.create(connection, now, self._database.token, model)
            if system:
                tree.add(connection, name, None, system_message(system), MessageState.WHOLE, now)
            return tree.session(connection, name)

        return await self._database.run(Access.WRITE, "begin a conversation", work)

    async def find(self, session: str) -> Session | None:
        """A session by its id or a unique beginning of it."""
        return await self._settled("find a conversation", lambda connection: tree.find(connection, session))

    async def latest(self) -> Session | None:
        """The session used last in which somebody was answered, else the one used last."""
        return next(iter(await self._settled("list the conversations", tree.latest)), None)

    async def sessions(self, limit: int) -> Sequence[Session]:
        """Sessions, used last first."""
        return await self._settled("list the conversations", lambda connection: tree.by_use(connection, limit))

    async def branch(
        self, session: str, limit: int | None = None, *, leaf: int | None = None
    ) -> Sequence[StoredMessage]:
        """The messages from the root to a leaf, the session's own by default; with a limit the newest of them."""

        def work(connection: Connection) -> Sequence[StoredMessage]:
            own = tree.session(connection, session).leaf
            return tree.branch(connection, own if leaf is None else leaf, limit)

        return await self._database.run(Access.READ, "read the conversation", work)

    async def everything(self, session: str) -> Sequence[StoredMessage]:
        """All messages of all branches, in the order in which they were added."""
        return await self._database.run(
            Access.READ, "read the conversation", lambda connection: tree.everything(connection, session)
        )

    async def append(self, session: str, message: Message) -> StoredMessage:
        """Add a whole message at the leaf and make it the leaf."""

        def work(connection: Connection) -> StoredMessage:
            leaf = tree.session(connection, session).leaf
            return tree.add(connection, session, leaf, message, MessageState.WHOLE, self._database.now())

        return await self._database.run(Access.DURABLE, "store the message", work)

    async def move(self, session: str, leaf: int | None) -> None:
        """Go on from another message of the tree."""
        await self._database.run(
            Access.WRITE,
            "go to another message",
            lambda connection: tree.move(connection, session, leaf, self._database.now()),
        )

    async def select_model(self, session: str, model: str) -> None:
        """Keep the user's choice of model; empty for the default."""
        await self._change(session, "keep the choice of model", "model = ?, updated = ?", model, self._database.now())

    async def begin_turn(self, session: str, message: Message | None, *, parent: int | None = None) -> OpenTurn:
        """Store a message durably below a parent, or else the leaf, and open the answer to it or to the parent."""
        action = "store the message"

        def work(connection: Connection) -> OpenTurn:
            return ledger.begin(connection, session, message, parent, self._ownership.owner, self._database.now())

        def begin() -> OpenTurn:
            self._claim(action)
            return self._database.perform(Access.DURABLE, action, work)

        return await self._database.call(action, begin)

    async def checkpoint(self, turn: OpenTurn, answer: Message) -> None:
        """Store the answer as far as it has come."""
        await self._database.run(
            Access.WRITE, "store the answer", lambda connection: ledger.checkpoint(connection, turn, answer)
        )

    async def end_turn(
        self,
        turn: OpenTurn,
        answer: Message,
        outcome: CallOutcome,
        calls: Sequence[Call] = (),
        retreat: Retreat | None = None,
    ) -> None:
        """Store the answer as it ended, and its calls; one that failed and is empty is taken out."""

        def work(connection: Connection) -> bool:
            if not ledger.end(connection, turn, outcome, calls):
                return False
            ledger.settle(connection, turn, answer, outcome, retreat, self._database.now())
            return True

        if not await self._database.run(Access.DURABLE, "store the answer", work):
            raise ledger.not_running(turn)

    async def turns(self, session: str | None = None, since: float = 0.0) -> Sequence[TurnSummary]:
        """Turns with their calls, oldest first."""
        return await self._database.run(
            Access.READ, "read the usage", lambda connection: ledger.turns(connection, session, since)
        )

    async def search(self, text: str, limit: int) -> Sequence[SearchHit]:
        """Messages that contain the text, newest first."""
        return await self._database.run(
            Access.READ, "search the conversations", lambda connection: search.find(connection, text, limit)
        )

    async def rename(self, session: str, title: str) -> None:
        """Give a session a title."""
        await self._change(session, "rename the conversation", "title = ?", storable(title))

    async def delete(self, session: str) -> None:
        """Delete a session with all that belongs to it; its calls stay in the ledger without text."""
        await self._database.run(
            Access.DURABLE, "delete the conversation", lambda connection: ledger.forget(connection, session)
        )

    async def close(self) -> None:
        """Let go of the database; a second time does nothing."""
        await self._database.aclose(self._ownership.release)

    async def _change(self, session: str, action: str, assignment: str, *values: str | float) -> None:
        await self._database.run(
            Access.WRITE, action, lambda connection: tree.change(connection, session, assignment, *values)
        )

    async def _settled(self, action: str, work: Work[T]) -> T:
        """Read after the turns of dead processes have been marked."""

        def read() -> T:
            for owner in self._database.perform(Access.READ, action, ledger.owners):
                self._settle(owner, action)
            return self._database.perform(Access.READ, action, work)

        return await self._database.call(action, read)

    def _settle(self, owner: str, action: str) -> None:
        try:
            with self._ownership.examine(owner) as is_dead:
                if is_dead:
                    self._database.perform(Access.WRITE, action, lambda connection: ledger.cut(connection, owner))
        except OSError as error:
            raise file_error(error, self._database.path, action) from error

    def _claim(self, action: str) -> None:
        try:
            self._ownership.claim()
        except OSError as error:
            raise file_error(error, self._database.path, action) from error
