"""The catalog: declared and found models, how old that knowledge is, and who waits for whom."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.runtime.scene import BASE, LOOK, service

from fluffbuzz.core.discovery import Outcome
from fluffbuzz.core.errors import StorageError
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.models import InputKind, Model, ModelRef, Window, WindowSource
from fluffbuzz.runtime.catalog import FRESH_FOR, Catalog, Listing
from fluffbuzz.runtime.recollection import IMAGES, LEARNED_FOR
from fluffbuzz.testing import Answer, Expect, FakeClock, MemoryCatalogStore, Pause, ScriptedTransport, Step

pytestmark = pytest.mark.anyio

REFUSED = Failure(FailureKind.REFUSED, "connection refused")


def serves(*ids: str, window: int | None = 4096) -> Answer:
    return Answer.json({"data": [{"id": each, "max_model_len": window} for each in ids]})


class Scene:
    """A catalog over a playbook; `list` is one run of the program."""

    def __init__(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        self.clock = clock
        self.memory = memory
        self.service = service()

    async def list(self, *answers: Answer | Failure, refresh: bool = False) -> Listing:
        with ScriptedTransport(*[Step(LOOK, answer) for answer in answers]) as transport:
            return await Catalog(transport, self.memory, self.clock).listing(self.service, refresh=refresh)


@pytest.fixture
def scene(clock: FakeClock, memory: MemoryCatalogStore) -> Scene:
    return Scene(clock, memory)


def ids(listing: Listing) -> list[str]:
    return [model.ref.model for model in listing.models]


class TestWhatIsServed:
    async def test_rows_become_models_of_the_provider(self, scene: Scene) -> None:
        listing = await scene.list(serves("org/a", "org/b"))
        assert [str(model.ref) for model in listing.models] == ["vllm/org/a", "vllm/org/b"]
        assert listing.models[0].window == Window(4096, WindowSource.SERVER)
        assert listing.models[0].input is None
        assert listing.models[0].cost.input == 0.0
        assert not listing.models[0].is_configured

    async def test_a_window_from_the_base_model_says_so(self, scene: Scene) -> None:
        rows = [{"id": "base", "max_model_len": 2048}, {"id": "lora", "parent": "base"}]
        listing = await scene.list(Answer.json({"data": rows}))
        assert listing.models[1].window == Window(2048, WindowSource.PARENT)
        assert listing.models[1].parent == "base"

    async def test_is_found_by_its_exact_id(self, scene: Scene) -> None:
        listing = await scene.list(serves("org/A"))
        assert listing.find("org/A") is not None
        assert listing.find("org/a") is None


class TestWhatIsDeclared:
    DECLARED = Model(ModelRef("vllm", "org/a"), "My model", max_tokens=100, is_configured=True)

    async def test_alone_it_is_all_there_is_and_nobody_is_asked(self, scene: Scene) -> None:
        scene.service = service(discovers=False, declared=(self.DECLARED,))
        listing = await scene.list()
        assert listing.models == (self.DECLARED,)
        assert (listing.discovery, listing.found_at, listing.is_stale) == (None, None, False)

    async def test_with_discovery_the_servers_row_fills_its_gaps_and_others_follow(self, scene: Scene) -> None:
        scene.service = service(declared=(self.DECLARED,))
        listing = await scene.list(serves("org/b", "org/a"))
        assert ids(listing) == ["org/a", "org/b"]
        assert listing.models[0] == replace(self.DECLARED, window=Window(4096, WindowSource.SERVER))

    async def test_explicit_values_win_over_the_servers(self, scene: Scene) -> None:
        own = Window(1000, WindowSource.CONFIGURED)
        scene.service = service(declared=(replace(self.DECLARED, window=own),))
        assert (await scene.list(serves("org/a"))).models[0].window == own

    async def test_it_stays_where_the_server_is_down(self, scene: Scene) -> None:
        scene.service = service(declared=(self.DECLARED,))
        listing = await scene.list(REFUSED)
        assert listing.models == (self.DECLARED,)
        assert listing.is_stale

    async def test_a_service_that_lacks_a_variable_is_not_asked(self, scene: Scene) -> None:
        scene.service = service(lacking={"apiKey": ("MY_KEY",)})
        assert (await scene.list()).models == ()


class TestAge:
    async def test_a_fresh_look_is_used_again(self, scene: Scene) -> None:
        first = await scene.list(serves("org/a"))
        scene.clock.jump(FRESH_FOR)
        again = await scene.list()
        assert ids(again) == ["org/a"]
        assert again.found_at == first.found_at == scene.clock.now() - FRESH_FOR

    async def test_an_old_one_is_not(self, scene: Scene) -> None:
        await scene.list(serves("org/a"))
        scene.clock.jump(FRESH_FOR + 0.5)
        assert ids(await scene.list(serves("org/b"))) == ["org/b"]

    async def test_one_from_the_future_is_not(self, scene: Scene) -> None:
        await scene.list(serves("org/a"))
        scene.clock.jump(-10.0)
        assert ids(await scene.list(serves("org/b"))) == ["org/b"]

    async def test_refresh_asks_in_any_case(self, scene: Scene) -> None:
        await scene.list(serves("org/a"))
        assert ids(await scene.list(serves("org/b"), refresh=True)) == ["org/b"]

    @pytest.mark.parametrize("answer", [serves(), REFUSED, Answer.json({"error": "Unauthorized"}, 401)])
    async def test_nothing_found_is_asked_again_at_once(self, scene: Scene, answer: Answer | Failure) -> None:
        await scene.list(answer)
        assert ids(await scene.list(serves("org/a"))) == ["org/a"]

    async def test_models_of_a_server_that_went_down_are_shown_as_old(self, scene: Scene) -> None:
        await scene.list(serves("org/a"))
        scene.clock.jump(3600.0)
        listing = await scene.list(REFUSED)
        assert ids(listing) == ["org/a"]
        assert listing.is_stale
        assert listing.found_at == scene.clock.now() - 3600.0
        assert listing.discovery is not None
        assert listing.discovery.outcome is Outcome.REFUSED

    async def test_a_server_that_serves_nothing_any_more_clears_the_list(self, scene: Scene) -> None:
        await scene.list(serves("org/a"))
        listing = await scene.list(serves(), refresh=True)
        assert listing.models == ()
        assert not listing.is_stale

    async def test_what_is_known_is_told_without_asking_anybody(self, scene: Scene) -> None:
        catalog = Catalog(ScriptedTransport(), scene.memory, scene.clock)
        assert catalog.known(scene.service).discovery is None
        await scene.list(serves("org/a"))
        known = catalog.known(scene.service)
        assert ids(known) == ["org/a"]
        assert known.found_at == scene.clock.now()
        assert catalog.known(service(discovers=False)).discovery is None


class TestWhatWasRefused:
    async def test_a_model_that_refused_an_image_reads_text_only_for_a_day(self, scene: Scene) -> None:
        scene.memory.learn_option(BASE, "org/a", IMAGES, scene.clock.now())
        assert (await scene.list(serves("org/a", "org/b"))).models[0].input == {InputKind.TEXT}
        assert (await scene.list()).models[1].input is None
        scene.clock.jump(LEARNED_FOR + 1)
        assert (await scene.list(serves("org/a"))).models[0].input is None

    async def test_what_the_user_says_of_a_model_is_believed(self, scene: Scene) -> None:
        kinds = frozenset({InputKind.TEXT, InputKind.IMAGE})
        scene.service = service(discovers=False, declared=(Model(ModelRef("vllm", "org/a"), "a", input=kinds),))
        scene.memory.learn_option(BASE, "org/a", IMAGES, scene.clock.now())
        assert (await scene.list()).models[0].input == kinds

    async def test_refresh_forgets_it_at_that_endpoint(self, scene: Scene) -> None:
        for base_url in (BASE, "http://127.0.0.1:9000/v1"):
            scene.memory.learn_option(base_url, "org/a", "stream_options", scene.clock.now())
        await scene.list(serves("org/a"), refresh=True)
        assert scene.memory.learned_options(BASE, "org/a") == []
        assert scene.memory.learned_options("http://127.0.0.1:9000/v1", "org/a") != []

    async def test_asking_anew_alone_does_not_forget_it(self, scene: Scene) -> None:
        scene.memory.learn_option(BASE, "org/a", "stream_options", scene.clock.now())
        with ScriptedTransport(Step(LOOK, serves("org/a"))) as transport:
            await Catalog(transport, scene.memory, scene.clock).asked_anew(scene.service)
        assert scene.memory.learned_options(BASE, "org/a") != []


class TestSeveralServices:
    OTHER = "http://127.0.0.1:30000/v1"

    async def test_a_silent_one_does_not_delay_another(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        silent = Pause()
        transport = ScriptedTransport(
            Step(LOOK, replace(serves("org/a"), before=silent)),
            Step(Expect("GET", f"{self.OTHER}/models"), serves("org/b")),
        )
        catalog = Catalog(transport, memory, clock)
        waiting = asyncio.create_task(catalog.listing(service()))
        await silent.reached()
        assert ids(await catalog.listing(service("sglang", self.OTHER))) == ["org/b"]
        assert not waiting.done()
        silent.release()
        assert ids(await waiting) == ["org/a"]

    async def test_all_are_asked_at_the_same_time(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        first, second = Pause(), Pause()
        transport = ScriptedTransport(
            Step(LOOK, replace(serves("org/a"), before=first)),
            Step(Expect("GET", f"{self.OTHER}/models"), replace(serves("org/b"), before=second)),
        )
        both = [service(), service("sglang", self.OTHER)]
        task = asyncio.create_task(Catalog(transport, memory, clock).listings(both))
        await first.reached()
        await second.reached()
        second.release()
        first.release()
        assert [ids(listing) for listing in await task] == [["org/a"], ["org/b"]]

    async def test_a_dead_one_takes_nothing_from_another(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        transport = ScriptedTransport(Step(LOOK, REFUSED), Step(Expect("GET", f"{self.OTHER}/models"), serves("org/b")))
        both = [service(), service("sglang", self.OTHER)]
        dead, alive = await Catalog(transport, memory, clock).listings(both, refresh=True)
        assert (dead.models, dead.is_stale) == ((), True)
        assert (ids(alive), alive.is_stale) == (["org/b"], False)


async def test_a_memory_in_trouble_is_as_good_as_an_empty_one(scene: Scene) -> None:
    await scene.list(serves("org/old"))
    scene.memory.trouble = StorageError("the disk is full")
    assert ids(await scene.list(serves("org/a"), refresh=True)) == ["org/a"]
    assert (await scene.list(REFUSED)).models == ()
