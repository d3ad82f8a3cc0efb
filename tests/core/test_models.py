"""Models as data: references, and the deviations that a row declares."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.models import Compat, Cost, Model, ModelRef


@pytest.mark.parametrize(
    ("text", "provider", "model"),
    [
        ("vllm/m", "vllm", "m"),
        ("vllm/org/Name", "vllm", "org/Name"),
        ("VLLM/Org/Name", "vllm", "Org/Name"),
        ("  vllm/m  ", "vllm", "m"),
        ("vllm//m", "vllm", "/m"),
        ("a/b:tag@rev", "a", "b:tag@rev"),
    ],
)
def test_a_reference_is_split_at_its_first_slash(text: str, provider: str, model: str):
    assert ModelRef.parse(text) == ModelRef(provider, model)


@pytest.mark.parametrize("text", ["", "m", "vllm", "vllm/", "vllm/  ", "/m", "/", " / "])
def test_what_names_no_provider_or_no_model_is_no_reference(text: str):
    assert ModelRef.parse(text) is None


PROVIDER_IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1)
MODEL_IDS = st.text(min_size=1).filter(lambda text: text == text.strip())


@given(PROVIDER_IDS, MODEL_IDS)
def test_a_reference_written_out_is_read_as_the_same(provider: str, model: str):
    ref = ModelRef(provider, model)
    assert ModelRef.parse(str(ref)) == ref


def test_references_sort_by_provider_then_by_model():
    refs = [ModelRef("b", "a"), ModelRef("a", "c"), ModelRef("a", "b")]
    assert [str(ref) for ref in sorted(refs)] == ["a/b", "a/c", "b/a"]


def test_a_model_of_which_nothing_is_known_costs_nothing_and_may_do_anything():
    model = Model(ModelRef("vllm", "m"), "m")
    assert (model.window, model.max_tokens, model.input, model.reasoning) == (None, None, None, None)
    assert model.cost == Cost(0, 0, 0, 0)
    assert model.is_chat
    assert not model.is_configured


def test_every_compat_flag_is_read_under_its_configured_name():
    flags = {
        "supportsStore": True,
        "supportsPromptCacheKey": False,
        "supportsDeveloperRole": True,
        "supportsReasoningEffort": False,
        "supportsStrictMode": True,
        "supportsTemperature": False,
        "supportsTools": True,
        "supportsUsageInStreaming": False,
        "requiresStringContent": True,
        "strictMessageKeys": False,
        "maxTokensField": "max_completion_tokens",
    }
    assert dataclasses.astuple(Compat.from_config(flags)) == tuple(flags.values())


def test_compat_flags_that_nothing_acts_on_are_left_out():
    assert Compat.from_config({"zaiToolStream": True, "supports_store": True}) == Compat()


def test_a_flag_that_is_not_given_leaves_the_question_to_the_route():
    assert set(dataclasses.astuple(Compat.from_config({}))) == {None}
