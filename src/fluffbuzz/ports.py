"""What the house needs of the world: protocols that adapters fulfil and tests replace.

An adapter turns every trouble into the types named here; nothing of a library's own leaks through.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from fluffbuzz.core.deadlines import Deadlines
from fluffbuzz.core.discovery import Discovery
from fluffbuzz.core.endpoint import Candidate
from fluffbuzz.core.failure import Failure
from fluffbuzz.core.messages import Message
from fluffbuzz.core.session import Call, CallOutcome, SearchHit, Session, StoredMessage, TurnSummary


class Clock(Protocol):
    """Time as an argument."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for measuring."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request: exactly these headers are sent, plus what HTTP itself demands (host, length)."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    ca_file: str = ""


class HttpResponse(Protocol):
    """The head of a response, and its body as it arrives."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, names in lower case."""
        ...

    def chunks(self) -> AsyncGenerator[bytes]:
        """The body in the pieces in which it arrives; raises `TransportFault` when it breaks off."""
        ...


class TransportFault(Exception):
    """The connection failed; `failure` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Transport(Protocol):
    """Opens HTTP exchanges; retries nothing, follows no redirect to another origin."""

    def open(self, request: HttpRequest, deadlines: Deadlines) -> AbstractAsyncContextManager[HttpResponse]:
        """Send a request; the context closes the connection if the body was not read to its end.

        Raises:
            TransportFault: nothing usable came back.
        """
        ...


@dataclass(frozen=True, slots=True)
class LearnedOption:
    """A field that an endpoint refused, with the time (Unix seconds) at which it was learnt."""

    option: str
    at: float


class CatalogStore(Protocol):
    """What is remembered of endpoints between runs. All methods may raise `StorageError`."""

    def last_discovery(self, provider: str, base_url: str) -> Discovery | None:
        """The newest stored look at an endpoint."""
        ...

    def save_discovery(self, provider: str, discovery: Discovery) -> None:
        """Keep a look; rows found earlier stay available through `last_found`."""
        ...

    def last_found(self, provider: str, base_url: str) -> Discovery | None:
        """The newest look that got an answer."""
        ...

    def learned_options(self, base_url: str, model: str) -> Sequence[LearnedOption]:
        """What this endpoint refused for this model."""
        ...

    def learn_option(self, base_url: str, model: str, option: str, at: float) -> None:
        """Remember a refusal."""
        ...

    def forget_options(self, base_url: str) -> None:
        """Forget all refusals of an endpoint."""
        ...


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn that is running: its id, the session's, and those of the message it answers and its growing answer."""

    id: int
    session: str
    user_message: int
    answer: int


@dataclass(frozen=True, slots=True)
class Retreat:
    """Where a conversation goes on after a request that was itself refused.

    Attributes:
        leaf: below that message, or from before the first (None).
        system: a system text that would be lost on the way and still applies, or None.
    """

    leaf: int | None
    system: Message | None = None


class SessionStore(Protocol):
    """Conversations that survive everything. All methods may raise `StorageError`."""

    async def create(self, *, model: str = "", system: str = "") -> Session:
        """Begin a session; a system text becomes its first message."""
        ...

    async def find(self, session: str) -> Session | None:
        """A session by its id or a unique beginning of it; None where there is none.

        Raises:
            UsageError: the beginning fits several.
        """
        ...

    async def latest(self) -> Session | None:
        """The session used last in which somebody was answered, else the one used last."""
        ...

    async def sessions(self, limit: int) -> Sequence[Session]:
        """Sessions, used last first."""
        ...

    async def branch(
        self, session: str, limit: int | None = None, *, leaf: int | None = None
    ) -> Sequence[StoredMessage]:
        """The messages from the root to a leaf (the session's own unless another is named), oldest first.

        With a limit only the newest of them.
        """
        ...

    async def everything(self, session: str) -> Sequence[StoredMessage]:
        """All messages of all branches, in the order in which they were added."""
        ...

    async def append(self, session: str, message: Message) -> StoredMessage:
        """Add a whole message at the leaf (a changed system text …) and make it the leaf."""
        ...

    async def move(self, session: str, leaf: int | None) -> None:
        """Go on from another message of the tree (None: from before the first)."""
        ...

    async def select_model(self, session: str, model: str) -> None:
        """Keep the user's choice of model; empty for the default."""
        ...

    async def begin_turn(self, session: str, message: Message | None, *, parent: int | None = None) -> OpenTurn:
        """Store a message durably and open the answer below it.

        The message follows `parent`, or the leaf where none is named; with None for a message, that one is answered.

        Raises:
            UsageError: there is nothing to answer, or `parent` is none of this session's messages.
        """
        ...

    async def checkpoint(self, turn: OpenTurn, answer: Message) -> None:
        """Store the answer as far as it has come."""
        ...

    async def end_turn(
        self,
        turn: OpenTurn,
        answer: Message,
        outcome: CallOutcome,
        calls: Sequence[Call] = (),
        retreat: Retreat | None = None,
    ) -> None:
        """Store the answer as it ended and the calls that it took, both or neither.

        A failed turn without any answer leaves the message that was to be answered as the leaf, or goes back to
        `retreat`; the message stays in the tree in any case.

        Raises:
            StorageError: nothing was stored; or the turn was ended or deleted meanwhile, and only the calls were.
        """
        ...

    async def turns(self, session: str | None = None, since: float = 0.0) -> Sequence[TurnSummary]:
        """Turns with their calls, oldest first."""
        ...

    async def search(self, text: str, limit: int) -> Sequence[SearchHit]:
        """Messages that contain the text (any script, parts of words too), newest first."""
        ...

    async def rename(self, session: str, title: str) -> None:
        """Give a session a title."""
        ...

    async def delete(self, session: str) -> None:
        """Delete a session with all that belongs to it; its calls stay in the ledger without text."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...


class BackgroundModel(Protocol):
    """The small model that FluffBuzz serves itself where the user has set up nothing else."""

    async def candidate(self) -> Candidate:
        """The running model; it is fetched and started first if need be.

        Raises:
            FluffBuzzError: it is not installed, cannot be fetched, or does not start.
        """
        ...
