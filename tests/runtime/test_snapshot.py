"""What `status` is told: who would answer, how much was used, and what a server was seen to refuse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.runtime.scene import BASE, CHAT, DONE, LOOK, counts, ends, says, selection, service
from tests.runtime.test_selection import FakeBackground

from fluffbuzz.config.values import Config
from fluffbuzz.core.errors import RequestFailed, StorageError
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.messages import user
from fluffbuzz.core.request import Sampling
from fluffbuzz.core.session import Session
from fluffbuzz.core.usage import exact
from fluffbuzz.runtime.catalog import Catalog
from fluffbuzz.runtime.conversation import Conversations
from fluffbuzz.runtime.engine import Engine
from fluffbuzz.runtime.recollection import LEARNED_FOR
from fluffbuzz.runtime.selection import Selector
from fluffbuzz.runtime.services import Service
from fluffbuzz.runtime.snapshot import Observer, Snapshot
from fluffbuzz.testing import Answer, FakeClock, MemoryCatalogStore, MemorySessionStore, ScriptedTransport, Step

pytestmark = pytest.mark.anyio

REFUSED = Failure(FailureKind.REFUSED, "connection refused")
SERVED = Answer.json({"data": [{"id": "org/small", "max_model_len": 4096}]})


class Scene:
    def __init__(self, clock: FakeClock, memory: MemoryCatalogStore, store: MemorySessionStore) -> None:
        self.clock = clock
        self.memory = memory
        self.store = store
        self.services: Sequence[Service] = (service(),)

    async def look(self, *looks: Answer | Failure, session: Session | None = None, wanted: str = "") -> Snapshot:
        with ScriptedTransport(*[Step(LOOK, look) for look in looks]) as transport:
            catalog = Catalog(transport, self.memory, self.clock)
            selector = Selector(Config(Path("x")), self.services, catalog, FakeBackground())
            observer = Observer(selector, catalog, self.services, self.store, self.clock)
            return await observer.snapshot(self.memory, session, wanted)

    async def ask(self, session: Session, *pieces: object) -> None:
        transport = ScriptedTransport(Step(CHAT, Answer.events(*pieces)))
        engine = Engine(transport, self.memory, self.clock)
        conversations = Conversations(self.store, engine, self.clock, Config(Path("x")))
        async with await conversations.ask(session, user("Hello"), selection(), Sampling()) as turn:
            async for _ in turn:
                pass


@pytest.fixture
def scene(clock: FakeClock, memory: MemoryCatalogStore, store: MemorySessionStore) -> Scene:
    return Scene(clock, memory, store)


async def test_tells_who_would_answer(scene: Scene) -> None:
    snapshot = await scene.look(SERVED)
    assert snapshot.selection is not None
    assert str(snapshot.selection.candidate.model.ref) == "vllm/org/small"
    assert snapshot.problem is None
    assert [listing.service.id for listing in snapshot.listings] == ["vllm"]


async def test_tells_why_nobody_would(scene: Scene) -> None:
    snapshot = await scene.look(REFUSED)
    assert snapshot.selection is None
    assert isinstance(snapshot.problem, RequestFailed)


async def test_starts_nothing_where_nobody_is_opted_in(scene: Scene) -> None:
    scene.services = ()
    snapshot = await scene.look()
    assert (snapshot.selection, snapshot.problem) == (None, None)


async def test_the_model_of_the_conversation_counts(scene: Scene) -> None:
    served = Answer.json({"data": [{"id": "org/a"}, {"id": "org/b"}]})
    session = await scene.store.create(model="vllm/org/b")
    snapshot = await scene.look(served, session=session)
    assert snapshot.selection is not None
    assert str(snapshot.selection.candidate.model.ref) == "vllm/org/b"


async def test_sums_the_tokens_of_the_conversation(scene: Scene) -> None:
    session = await scene.store.create()
    await scene.ask(session, says("A"), ends(), counts(10, 2), DONE)
    await scene.ask(session, says("B"), ends(), counts(20, 3), DONE)
    snapshot = await scene.look(SERVED, session=session)
    assert (snapshot.usage.input, snapshot.usage.output) == (exact(30), exact(5))
    assert snapshot.context == exact(23)


async def test_knows_no_context_before_the_first_answer(scene: Scene) -> None:
    snapshot = await scene.look(SERVED, session=await scene.store.create())
    assert str(snapshot.context) == "unknown"


async def test_tells_what_was_refused_lately(scene: Scene) -> None:
    scene.memory.learn_option(BASE, "org/small", "stream_options", scene.clock.now())
    assert [fact.option for fact in (await scene.look(SERVED)).refused] == ["stream_options"]
    scene.clock.jump(LEARNED_FOR + 1)
    assert (await scene.look(SERVED)).refused == []


async def test_a_memory_that_cannot_be_read_is_an_empty_one(scene: Scene) -> None:
    scene.memory.learn_option(BASE, "org/small", "stream_options", scene.clock.now())
    scene.memory.trouble = StorageError("The database is damaged.")
    snapshot = await scene.look(SERVED)
    assert snapshot.selection is not None
    assert list(snapshot.refused) == []
