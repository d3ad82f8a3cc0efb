"""Which model answers, and what the user is told where none can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.scene import BASE, candidate, service

from fluffbuzz.config.values import Config, DefaultModel, ModelEntry
from fluffbuzz.core.endpoint import Candidate
from fluffbuzz.core.errors import CredentialNeeded, FluffBuzzError, RequestFailed, UnknownModel, UsageError
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.models import Model, ModelRef
from fluffbuzz.runtime.catalog import Catalog
from fluffbuzz.runtime.selection import SHOWN, Selection, Selector
from fluffbuzz.runtime.services import Service
from fluffbuzz.testing import Answer, Expect, FakeClock, MemoryCatalogStore, ScriptedTransport, Step

pytestmark = pytest.mark.anyio

REFUSED = Failure(FailureKind.REFUSED, "connection refused")
OTHER = "http://127.0.0.1:30000/v1"
EMBEDDED = candidate(Model(ModelRef("embedded", "smollm2"), "smollm2"), "http://127.0.0.1:5/v1", "embedded")


class FakeBackground:
    """The embedded model, which counts how often it was started."""

    def __init__(self) -> None:
        self.starts = 0

    async def candidate(self) -> Candidate:
        self.starts += 1
        return EMBEDDED


def serves(*ids: str) -> Answer:
    return Answer.json({"data": [{"id": each} for each in ids]})


class Scene:
    """A user's set-up: services, what their servers answer, and the configuration."""

    def __init__(self, clock: FakeClock, memory: MemoryCatalogStore) -> None:
        self.clock = clock
        self.memory = memory
        self.background = FakeBackground()
        self.services: Sequence[Service] = (service(),)
        self.default: DefaultModel | None = None
        self.entries: Mapping[str, ModelEntry] = {}

    async def select(self, wanted: str = "", *looks: Answer | Failure | Step, **more: Any) -> Selection:
        steps = [each if isinstance(each, Step) else Step(Expect("GET", f"{BASE}/models"), each) for each in looks]
        config = Config(Path("fluffbuzz.json"), default_model=self.default, model_entries=self.entries)
        with ScriptedTransport(*steps) as transport:
            catalog = Catalog(transport, self.memory, self.clock)
            return await Selector(config, self.services, catalog, self.background).select(wanted, **more)

    async def error(self, wanted: str = "", *looks: Answer | Failure | Step) -> FluffBuzzError:
        with pytest.raises(FluffBuzzError) as caught:
            await self.select(wanted, *looks)
        assert self.background.starts == 0
        assert "s3cret" not in f"{caught.value} {caught.value.detail}"
        return caught.value


@pytest.fixture
def scene(clock: FakeClock, memory: MemoryCatalogStore) -> Scene:
    return Scene(clock, memory)


def chosen(selection: Selection) -> str:
    return str(selection.candidate.model.ref)


class TestTheDefault:
    async def test_is_the_configured_one(self, scene: Scene) -> None:
        scene.default = DefaultModel("vllm/org/b")
        selection = await scene.select("", serves("org/a", "org/b"))
        assert (chosen(selection), selection.notice) == ("vllm/org/b", "")

    async def test_may_be_configured_by_an_alias(self, scene: Scene) -> None:
        scene.default = DefaultModel("fast")
        scene.entries = {"vllm/org/b": ModelEntry("vllm/org/b", "fast")}
        assert chosen(await scene.select("", serves("org/a", "org/b"))) == "vllm/org/b"

    async def test_is_else_the_only_served_model_without_a_word(self, scene: Scene) -> None:
        selection = await scene.select("", serves("org/a"))
        assert (chosen(selection), selection.notice) == ("vllm/org/a", "")
        assert selection.candidate.credential == scene.services[0].credential

    async def test_is_else_the_first_and_the_user_learns_which_and_how_to_choose(self, scene: Scene) -> None:
        selection = await scene.select("", serves("org/a", "org/b", "org/c"))
        assert chosen(selection) == "vllm/org/a"
        assert "vLLM serves 3 models; using the first, vllm/org/a." in selection.notice
        assert "--model vllm/org/b" in selection.notice
        assert "fluffbuzz config set agents.defaults.model vllm/org/b" in selection.notice

    async def test_is_never_something_that_is_clearly_no_chat_model(self, scene: Scene) -> None:
        selection = await scene.select("", serves("BAAI/bge-m3", "org/chat", "openai/whisper-1"))
        assert (chosen(selection), selection.notice) == ("vllm/org/chat", "")

    async def test_is_one_of_those_where_nothing_else_is_served(self, scene: Scene) -> None:
        assert chosen(await scene.select("", serves("BAAI/bge-m3"))) == "vllm/BAAI/bge-m3"

    async def test_is_a_declared_model_where_that_is_all_there_is(self, scene: Scene) -> None:
        declared = Model(ModelRef("vllm", "mine"), "mine", is_configured=True)
        scene.services = (service(discovers=False, declared=(declared,)),)
        assert chosen(await scene.select()) == "vllm/mine"

    async def test_comes_from_the_first_provider_alone(self, scene: Scene) -> None:
        scene.services = (service(), service("sglang", OTHER))
        assert chosen(await scene.select("", serves("org/a"))) == "vllm/org/a"

    async def test_is_never_picked_where_answers_cost_money(self, scene: Scene) -> None:
        paid = "https://api.openai.com/v1"
        scene.services = (service("openai", paid),)
        error = await scene.error("", Step(Expect(url=f"{paid}/models"), serves("gpt-5", "gpt-5-mini")))
        assert isinstance(error, UsageError)
        assert "--model openai/gpt-5-mini" in error.next_step

    async def test_comes_from_another_provider_before_a_paid_one_is_asked(self, scene: Scene) -> None:
        scene.services = (service("openai", "https://api.openai.com/v1"), service("sglang", OTHER))
        look = Step(Expect(url=f"{OTHER}/models"), serves("org/a"))
        assert chosen(await scene.select("", look)) == "sglang/org/a"


class TestNobodyOptedIn:
    async def test_the_embedded_model_answers_and_says_so_in_one_line(self, scene: Scene) -> None:
        scene.services = ()
        selection = await scene.select()
        assert selection.candidate == EMBEDDED
        assert "embedded model answers" in selection.notice
        assert "export VLLM_API_KEY=anything" in selection.notice
        assert "\n" not in selection.notice

    async def test_asking_for_it_by_name_needs_no_notice(self, scene: Scene) -> None:
        selection = await scene.select("embedded/smollm2")
        assert (selection.candidate, selection.notice) == (EMBEDDED, "")

    async def test_it_does_not_answer_under_another_name(self, scene: Scene) -> None:
        with pytest.raises(UnknownModel) as caught:
            await scene.select("embedded/llama-70b")
        assert "embedded/smollm2" in caught.value.next_step


class TestAServerThatIsDown:
    @pytest.mark.parametrize("wanted", ["", "vllm/org/a"])
    @pytest.mark.parametrize(
        ("look", "words"),
        [
            (REFUSED, "refused the connection"),
            (Answer.json({"error": "Unauthorized"}, 401), "does not accept the key"),
            (Answer.json({"detail": "Not Found"}, 404), "404"),
            (serves(), "serves no models"),
        ],
    )
    async def test_is_an_error_with_its_cause_and_never_another_models_answer(
        self, scene: Scene, wanted: str, look: Answer | Failure, words: str
    ) -> None:
        looks = [look] * (2 if wanted else 1)  # a model that is missing is looked for once more
        error = await scene.error(wanted, *looks)
        assert isinstance(error, RequestFailed)
        assert words in error.message
        assert BASE in error.message
        assert error.next_step

    async def test_is_an_error_even_where_its_models_are_remembered(self, scene: Scene) -> None:
        await scene.select("", serves("org/a"))
        scene.clock.jump(3600.0)
        assert "refused" in (await scene.error("vllm/org/a", REFUSED)).message
        assert "refused" in (await scene.error("", REFUSED)).message

    async def test_still_lets_a_declared_model_be_chosen(self, scene: Scene) -> None:
        scene.services = (service(declared=(Model(ModelRef("vllm", "mine"), "mine", is_configured=True),)),)
        assert chosen(await scene.select("vllm/mine", REFUSED)) == "vllm/mine"

    async def test_does_not_concern_a_model_of_another_server(self, scene: Scene) -> None:
        scene.services = (service(), service("sglang", OTHER))
        look = Step(Expect(url=f"{OTHER}/models"), serves("org/b"))
        assert chosen(await scene.select("sglang/org/b", look)) == "sglang/org/b"


class TestANamedModel:
    async def test_is_taken_as_it_is_written(self, scene: Scene) -> None:
        assert chosen(await scene.select("vllm/org/B", serves("org/a", "org/B"))) == "vllm/org/B"

    async def test_wins_over_the_default(self, scene: Scene) -> None:
        scene.default = DefaultModel("vllm/org/a")
        assert chosen(await scene.select("vllm/org/b", serves("org/a", "org/b"))) == "vllm/org/b"

    async def test_may_be_an_alias(self, scene: Scene) -> None:
        scene.entries = {"vllm/org/b": ModelEntry("vllm/org/b", "fast")}
        assert chosen(await scene.select("fast", serves("org/a", "org/b"))) == "vllm/org/b"

    @pytest.mark.parametrize("wanted", ["org/b", "plain"])
    async def test_may_lack_its_provider(self, scene: Scene, wanted: str) -> None:
        assert chosen(await scene.select(wanted, serves("org/a", "org/b", "plain"))) == f"vllm/{wanted}"

    async def test_may_look_like_another_providers(self, scene: Scene) -> None:
        assert chosen(await scene.select("openai/gpt-oss", serves("openai/gpt-oss"))) == "vllm/openai/gpt-oss"

    async def test_served_since_the_last_look_is_found(self, scene: Scene) -> None:
        await scene.select("", serves("org/a"))
        assert chosen(await scene.select("vllm/org/new", serves("org/a", "org/new"))) == "vllm/org/new"

    async def test_can_be_asked_for_anew(self, scene: Scene) -> None:
        await scene.select("", serves("org/a"))
        assert chosen(await scene.select("", serves("org/b"), refresh=True)) == "vllm/org/b"

    async def test_that_is_a_mistake_does_not_make_us_forget_what_was_learnt(self, scene: Scene) -> None:
        scene.memory.learn_option(BASE, "org/a", "stream_options", scene.clock.now())
        await scene.error("vllm/org/x", serves("org/a"), serves("org/a"))
        assert scene.memory.learned_options(BASE, "org/a") != []


class TestAModelThatIsMissing:
    async def test_the_served_ones_are_listed_nearest_first(self, scene: Scene) -> None:
        look = serves("meta/llama-3-8b", "qwen/qwen3-8b")
        error = await scene.error("vllm/qwen/qwen3-9b", look, look)
        assert isinstance(error, UnknownModel)
        assert f"There is no model qwen/qwen3-9b: vLLM at {BASE} serves 2 other(s)." in error.message
        assert error.next_step == "Choose from: vllm/qwen/qwen3-8b, vllm/meta/llama-3-8b"

    async def test_a_long_list_is_shortened(self, scene: Scene) -> None:
        look = serves(*[f"org/model-{number}" for number in range(SHOWN + 5)])
        error = await scene.error("vllm/org/model", look, look)
        assert error.next_step.count("vllm/") == SHOWN
        assert error.next_step.endswith(" and 5 more (fluffbuzz models list)")

    async def test_declared_ones_are_said_to_be_configured(self, scene: Scene) -> None:
        declared = Model(ModelRef("vllm", "mine"), "mine", is_configured=True)
        scene.services = (service(discovers=False, declared=(declared,)),)
        assert "is configured with 1 other" in (await scene.error("vllm/other")).message

    async def test_a_provider_that_declares_none_says_so(self, scene: Scene) -> None:
        scene.services = (service(discovers=False),)
        for wanted in ("", "vllm/org/a"):
            error = await scene.error(wanted)
            assert "models.providers.vllm declares no models" in error.message
            assert '"vllm/*"' in error.next_step

    async def test_of_a_provider_that_is_not_set_up_names_its_variable(self, scene: Scene) -> None:
        error = await scene.error("sglang/org/a", serves("org/a"))
        assert isinstance(error, CredentialNeeded)
        assert "SGLANG_API_KEY" in error.next_step

    async def test_of_no_provider_lists_what_there_is_and_who_was_silent(self, scene: Scene) -> None:
        scene.services = (service(), service("sglang", OTHER))
        error = await scene.error("nonsense", serves("org/a"), Step(Expect(url=f"{OTHER}/models"), REFUSED))
        assert isinstance(error, UnknownModel)
        assert "There is no model nonsense." in error.message
        assert f"SGLang at {OTHER} refused the connection." in error.message
        assert "vllm/org/a" in error.next_step

    async def test_where_nothing_is_served_points_to_the_list(self, scene: Scene) -> None:
        scene.services = ()
        assert (await scene.error("nonsense")).next_step == "See: fluffbuzz models list"

    @pytest.mark.parametrize("wanted", ["", "vllm/org/a"])
    async def test_a_service_that_lacks_a_variable_names_it(self, scene: Scene, wanted: str) -> None:
        scene.services = (service(lacking={"apiKey": ("MY_KEY",)}),)
        error = await scene.error(wanted)
        assert isinstance(error, CredentialNeeded)
        assert "models.providers.vllm.apiKey needs ${MY_KEY}" in error.message
        assert "export MY_KEY" in error.next_step


class TestTheAllowlist:
    @pytest.fixture
    def scene(self, scene: Scene) -> Scene:
        scene.entries = {"vllm/org/b": ModelEntry("vllm/org/b", "fast")}
        return scene

    async def test_lets_its_models_be_chosen_by_name_or_alias(self, scene: Scene) -> None:
        assert chosen(await scene.select("vllm/org/b", serves("org/a", "org/b"))) == "vllm/org/b"
        assert chosen(await scene.select("fast")) == "vllm/org/b"

    @pytest.mark.parametrize("wanted", ["vllm/org/a", "org/a"])
    async def test_refuses_others_and_says_what_to_add(self, scene: Scene, wanted: str) -> None:
        error = await scene.error(wanted, *([serves("org/a", "org/b")] if wanted == "org/a" else []))
        assert "vllm/org/a is not among those that agents.defaults.models allows" in error.message
        assert '"vllm/org/a" or "vllm/*"' in error.next_step

    async def test_never_refuses_the_configured_default(self, scene: Scene) -> None:
        scene.default = DefaultModel("vllm/org/a")
        assert chosen(await scene.select("", serves("org/a", "org/b"))) == "vllm/org/a"

    async def test_narrows_what_is_chosen_by_itself(self, scene: Scene) -> None:
        selection = await scene.select("", serves("org/a", "org/b"))
        assert (chosen(selection), selection.notice) == ("vllm/org/b", "")

    async def test_made_of_wildcards_alone_restricts_nobody(self, scene: Scene) -> None:
        scene.entries = {"other/*": ModelEntry("other/*")}
        assert chosen(await scene.select("vllm/org/a", serves("org/a"))) == "vllm/org/a"

    async def test_with_a_wildcard_beside_names_lets_that_provider_through(self, scene: Scene) -> None:
        scene.entries = {"other/x": ModelEntry("other/x"), "vllm/*": ModelEntry("vllm/*")}
        assert chosen(await scene.select("vllm/org/a", serves("org/a"))) == "vllm/org/a"


class TestABareId:
    async def test_is_taken_from_whoever_is_known_to_have_it_without_asking_the_others(self, scene: Scene) -> None:
        await scene.select("vllm/org/a", serves("org/a"))
        scene.services = (service(), service("silent", "http://127.0.0.1:1/v1"))
        assert chosen(await scene.select("org/a")) == "vllm/org/a"

    async def test_of_a_service_that_lacks_its_key_says_so_instead_of_going_out(self, scene: Scene) -> None:
        declared = Model(ModelRef("vllm", "m"), "m", is_configured=True)
        lacking = service(discovers=False, declared=(declared,), lacking={"apiKey": ("NO_KEY",)})
        scene.services = (lacking,)
        assert "NO_KEY" in (await scene.error("m")).message
