"""Providers as data: what holds for every one, found by file name, and what is particular to each."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from fluffbuzz import providers
from fluffbuzz.core.failure import Evidence, FailureKind, classify
from fluffbuzz.core.models import Compat, ModelRef
from fluffbuzz.core.route import origin_of, permits, route_of
from fluffbuzz.providers import Provider, bundled_ids, find
from fluffbuzz.wire.openai_chat_request import Extras

EVERY = [find(name) for name in bundled_ids()]
SERVERS = [provider for provider in EVERY if provider.base_url]
each = pytest.mark.parametrize("provider", EVERY, ids=lambda provider: provider.id)
each_server = pytest.mark.parametrize("provider", SERVERS, ids=lambda provider: provider.id)


def test_a_provider_is_a_file_and_every_file_is_a_provider():
    files = {entry.name for entry in resources.files(providers).iterdir() if entry.name.endswith(".py")}
    assert files - {"__init__.py", "provider.py"} == {f"{name}.py" for name in bundled_ids()}
    assert bundled_ids() == tuple(sorted(bundled_ids()))


def test_these_providers_come_with_fluffbuzz():
    assert set(bundled_ids()) >= {"vllm", "openai", "sglang", "llamacpp", "lmstudio", "ollama", "embedded"}


@each
def test_a_provider_is_found_under_the_name_of_its_file(provider: Provider):
    assert find(provider.id) is provider
    assert ModelRef.parse(f"{provider.id}/m") == ModelRef(provider.id, "m")


@pytest.mark.parametrize("name", ["mine", "provider", "VLLM", "os", "../vllm", "vllm.x", ""])
def test_any_other_name_is_a_custom_provider_of_which_only_the_name_is_known(name: str):
    found = find(name)
    assert found == Provider(id=name, label=name)
    assert (found.base_url, found.env_vars, found.native_hosts, found.wordings) == ("", (), (), ())
    assert found.extras == Extras(usage=True, continuous_usage=False, continuation=False)


@each_server
def test_a_default_endpoint_ends_in_v1_without_a_slash(provider: Provider):
    assert provider.base_url.endswith("/v1")


def test_no_two_providers_share_an_endpoint_a_label_or_a_variable():
    for values in (
        [origin_of(provider.base_url) for provider in SERVERS],
        [provider.label for provider in EVERY],
        [variable for provider in EVERY for variable in provider.env_vars],
    ):
        assert len(set(values)) == len(values)


@each_server
def test_a_key_may_come_from_a_variable_named_like_one(provider: Provider):
    assert provider.env_vars
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", variable) for variable in provider.env_vars)


@each_server
def test_only_a_native_endpoint_is_elsewhere_and_only_there_fluffbuzz_picks_no_model_by_itself(provider: Provider):
    route = route_of(provider.base_url, provider.native_hosts)
    assert route.is_native == bool(provider.native_hosts)
    assert route.is_loopback != route.is_native
    assert provider.picks_default != route.is_native


@each_server
def test_an_endpoint_on_ones_own_machine_gets_no_field_that_only_openai_understands(provider: Provider):
    allowed = permits(route_of(provider.base_url, provider.native_hosts), Compat())
    native = {allowed.store, allowed.service_tier, allowed.prompt_cache_key, allowed.developer_role}
    assert native | {allowed.strict_tools, allowed.reasoning_effort} == {bool(provider.native_hosts)}


@each_server
def test_a_server_on_ones_own_machine_says_how_it_is_started(provider: Provider):
    assert bool(provider.start_command) != bool(provider.native_hosts)


@each
def test_every_wording_is_a_pattern_with_advice_that_is_a_sentence(provider: Provider):
    for wording in provider.wordings:
        assert re.compile(wording.pattern)
        assert not wording.matches("")
        assert wording.advice


@each
def test_what_makes_an_example_is_a_model_id(provider: Provider):
    assert ModelRef.parse(f"{provider.id}/{provider.example_model}") is not None
    assert provider.example_model == provider.example_model.strip()


def test_vllm_is_asked_first_and_understands_more_than_the_dialect():
    vllm = find("vllm")
    assert vllm.base_url == "http://127.0.0.1:8000/v1"
    assert vllm.env_vars == ("VLLM_API_KEY",)
    assert vllm.extras == Extras(usage=True, continuous_usage=True, continuation=True)
    assert all(vllm.rank < other.rank for other in EVERY if other is not vllm)


def test_only_the_embedded_model_is_started_by_fluffbuzz():
    assert [provider.id for provider in EVERY if provider.is_background_service] == ["embedded"]
    assert find("embedded").wordings == find("llamacpp").wordings


@pytest.mark.parametrize(
    ("host", "is_native"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://mine.openai.azure.com/openai/v1", True),
        ("https://openai.com/v1", False),
        ("https://openrouter.ai/api/v1", False),
        ("https://api.openai.com.evil.example/v1", False),
    ],
)
def test_only_openais_own_hosts_are_native(host: str, is_native: bool):
    assert route_of(host, find("openai").native_hosts).is_native is is_native
    assert not route_of(host, find("vllm").native_hosts).is_native


@pytest.mark.parametrize(
    ("provider", "message", "kind", "advice"),
    [
        ("vllm", '"auto" tool choice requires --enable-auto-tool-choice and …', FailureKind.TOOLS_REFUSED, "hermes"),
        ("vllm", 'tool_choice="required" requires --tool-call-parser to be set', FailureKind.TOOLS_REFUSED, "hermes"),
        ("vllm", "x is not a multimodal model", FailureKind.IMAGE_REFUSED, "vision model"),
        ("vllm", "maximum context length is 4096 tokens", FailureKind.CONTEXT_OVERFLOW, "--max-model-len"),
        ("vllm", "so you must provide a chat template if", FailureKind.BAD_REQUEST, "--chat-template"),
        ("vllm", "Cannot apply chat template to an empty conversation.", FailureKind.BAD_REQUEST, ""),
        ("llamacpp", "exceeds the available context size", FailureKind.CONTEXT_OVERFLOW, "--ctx-size"),
        ("llamacpp", "tools param requires --jinja flag", FailureKind.TOOLS_REFUSED, "--jinja"),
        ("lmstudio", "No models loaded. Please load a model", FailureKind.MODEL_NOT_FOUND, "lms load"),
        ("ollama", "something", FailureKind.BAD_REQUEST, ""),
    ],
)
def test_a_provider_names_the_next_step_for_its_own_sentences(
    provider: str, message: str, kind: FailureKind, advice: str
):
    failure = classify(Evidence(400, message), find(provider).wordings)
    assert failure.kind is kind
    assert advice in failure.advice
    assert bool(advice) == bool(failure.advice)
