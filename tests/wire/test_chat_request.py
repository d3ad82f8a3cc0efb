"""Request bodies: what was asked, what the route permits, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import recorded as recordings
from tests.wire.bodies import (
    CALLS,
    EVERYTHING,
    HELLO,
    MODEL,
    NATIVE,
    NATIVE_ONLY,
    OPENAI,
    PROXY,
    RESULTS,
    VLLM,
    WEATHER,
    body,
    sent,
    with_compat,
)

from fluffbuzz.core.messages import (
    Image,
    Message,
    assistant,
    system,
    user,
)
from fluffbuzz.core.models import Model, ModelRef
from fluffbuzz.core.request import ChatRequest, Sampling, Tool
from fluffbuzz.core.route import permits
from fluffbuzz.providers import find
from fluffbuzz.wire.openai_chat_request import Extras, encode_request

# --- golden bodies


def test_a_plain_question_to_vllm_is_this_body_byte_for_byte():
    encoded = encode_request(ChatRequest(HELLO), MODEL, permits(PROXY, MODEL.compat), VLLM.extras)
    assert encoded == (
        b'{"model":"org/name","messages":[{"role":"user","content":"Hello"}],"stream":true,'
        b'"stream_options":{"include_usage":true,"continuous_usage_stats":true}}'
    )


def test_a_recorded_server_accepted_exactly_this_body():
    recorded = recordings.load("vllm-0.32/plain/chat_stream_continuous_usage").request["body"]
    model = Model(ModelRef("vllm", recorded["model"]), "")
    question = ChatRequest((user(recorded["messages"][0]["content"]),), Sampling(temperature=0, max_tokens=12))
    assert body(question, model) == recorded


def test_everything_that_can_be_asked_of_a_proxy_style_route_is_this_body():
    request = ChatRequest((system("Be brief."), *HELLO), EVERYTHING, (WEATHER,), "auto", extra=NATIVE_ONLY)
    assert body(request, replace(MODEL, reasoning=True)) == {
        "model": "org/name",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "seed": 7,
        "stop": ["END"],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "description": "Weather of a city",
                    "parameters": {"type": "object"},
                },
            }
        ],
        "tool_choice": "auto",
    }


def test_the_same_asked_of_the_native_route_is_this_body():
    request = ChatRequest((system("Be brief."), *HELLO), EVERYTHING, (WEATHER,), "auto", extra=NATIVE_ONLY)
    found = body(request, replace(MODEL, reasoning=True), NATIVE, OPENAI.extras)
    assert found["messages"][0]["role"] == "developer"
    assert found["tools"][0]["function"]["strict"] is True
    assert found["stream_options"] == {"include_usage": True}
    assert found["max_completion_tokens"] == 100
    assert found.keys() == {
        "model", "messages", "stream", "stream_options", "temperature", "top_p", "max_completion_tokens",
        "frequency_penalty", "presence_penalty", "seed", "stop", "tools", "tool_choice", *NATIVE_ONLY,
    }  # fmt: skip


@pytest.mark.parametrize("provider", ["sglang", "lmstudio", "llamacpp", "ollama", "embedded", "somebody-else"])
def test_other_providers_are_asked_for_usage_and_for_nothing_that_is_particular_to_vllm(provider: str):
    found = body(ChatRequest((user("Hi"), assistant("He")), takes_up=True), extras=find(provider).extras)
    assert found.keys() == {"model", "messages", "stream", "stream_options"}
    assert found["stream_options"] == {"include_usage": True}


# --- what is withheld


EXTRA = st.dictionaries(
    st.sampled_from([*NATIVE_ONLY, "model", "messages", "stream", "stream_options", "top_k", "chat_template_kwargs"])
    | st.text(max_size=8),
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=5) | st.lists(st.integers(0, 3), max_size=2),
    max_size=12,
)
OURS = {"model": "org/name", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
FLAGS = {
    "store": "supports_store",
    "prompt_cache_key": "supports_prompt_cache_key",
    "reasoning_effort": "supports_reasoning_effort",
}


@given(EXTRA, st.sets(st.sampled_from(list(FLAGS.values()))))
def test_no_extra_ever_brings_a_native_field_onto_a_proxy_style_route_unless_compat_allows_it(
    extra: dict[str, Any], allowed: set[str]
):
    found = body(ChatRequest(HELLO, extra=extra), with_compat(**dict.fromkeys(allowed, True)))
    permitted = {field for field, flag in FLAGS.items() if flag in allowed}
    assert not (NATIVE_ONLY.keys() - permitted) & found.keys()
    assert permitted & extra.keys() <= found.keys()
    passed_on = extra.keys() - NATIVE_ONLY.keys() - OURS.keys() - {"stream_options"}
    assert {key: found[key] for key in passed_on} == {key: extra[key] for key in passed_on}


@given(EXTRA)
def test_no_extra_ever_replaces_what_makes_the_answer_readable_and_countable(extra: dict[str, Any]):
    for route in (PROXY, NATIVE):
        found = body(ChatRequest(HELLO, extra=extra), route=route)
        assert found | OURS == found
        assert found["stream_options"]["include_usage"] is True


def test_an_extra_replaces_a_sampling_value_since_it_is_the_later_word():
    found = body(ChatRequest(HELLO, Sampling(temperature=1.0), extra={"temperature": 0.2, "top_k": 5}))
    assert (found["temperature"], found["top_k"]) == (0.2, 5)


@pytest.mark.parametrize("field", FLAGS)
def test_a_native_route_may_be_told_by_compat_to_do_without(field: str):
    found = body(ChatRequest(HELLO, extra=NATIVE_ONLY), with_compat(**{FLAGS[field]: False}), NATIVE)
    assert field not in found


def test_tools_among_the_extras_lose_strict_too():
    raw = {"type": "function", "function": {"name": "f", "strict": True, "parameters": {}}}
    plain = {"type": "function", "function": {"name": "f", "parameters": {}}}
    request = ChatRequest(HELLO, extra={"tools": [raw, plain, "?"]})
    assert body(request)["tools"] == [plain, plain, "?"]
    assert body(request, with_compat(supports_strict_mode=True))["tools"] == [raw, plain, "?"]
    assert body(request, route=NATIVE)["tools"] == [raw, plain, "?"]
    assert body(ChatRequest(HELLO, extra={"tools": "?"}))["tools"] == "?"


@pytest.mark.parametrize(
    ("flag", "fields"),
    [("supports_temperature", {"temperature"}), ("supports_tools", {"tools", "tool_choice"})],
)
def test_what_a_row_declares_unsupported_is_not_sent_from_anywhere(flag: str, fields: set[str]):
    extra = {"temperature": 1, "tools": [], "tool_choice": "auto"}
    asked = ChatRequest(HELLO, EVERYTHING, (WEATHER,))
    assert fields <= body(asked).keys()
    assert not fields & body(asked, with_compat(**{flag: False})).keys()
    assert not fields & body(replace(asked, extra=extra), with_compat(**{flag: False})).keys()


@pytest.mark.parametrize(
    ("extras", "compat", "expected"),
    [
        (Extras(), {}, {"include_usage": True}),
        (Extras(continuous_usage=True), {}, {"include_usage": True, "continuous_usage_stats": True}),
        (Extras(usage=False, continuous_usage=True), {}, None),
        (Extras(continuous_usage=True), {"supports_usage_in_streaming": False}, None),
    ],
)
def test_usage_is_asked_for_unless_the_server_is_known_to_refuse_it(
    extras: Extras, compat: dict[str, bool], expected: dict[str, bool] | None
):
    assert body(ChatRequest(HELLO), with_compat(**compat), extras=extras).get("stream_options") == expected


# --- sampling


def test_nothing_the_user_did_not_set_is_sent():
    assert body(ChatRequest(HELLO), extras=Extras()).keys() == {"model", "messages", "stream", "stream_options"}


def test_a_value_of_zero_is_a_value():
    found = body(ChatRequest(HELLO, Sampling(temperature=0, seed=0, frequency_penalty=0.0)))
    assert (found["temperature"], found["seed"], found["frequency_penalty"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("route", "compat", "field"),
    [
        (PROXY, {}, "max_tokens"),
        (PROXY, {"max_tokens_field": "max_completion_tokens"}, "max_completion_tokens"),
        (NATIVE, {}, "max_completion_tokens"),
        (NATIVE, {"max_tokens_field": "max_tokens"}, "max_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_route_knows(route, compat: dict[str, Any], field: str):
    found = body(ChatRequest(HELLO, Sampling(max_tokens=9)), with_compat(**compat), route)
    assert {key: found[key] for key in found if key.startswith("max_")} == {field: 9}


# --- stability


@pytest.mark.parametrize("route", [PROXY, NATIVE])
def test_the_body_of_the_next_turn_begins_with_the_same_bytes(route):
    def encode(*messages: Message) -> bytes:
        request = ChatRequest((system("Be brief."), *messages), EVERYTHING, (WEATHER, Tool("a")), extra={"top_k": 3})
        return encode_request(request, MODEL, permits(route, MODEL.compat), VLLM.extras)

    first_turn = (user("One", (Image("image/png", b"1"),)), CALLS, RESULTS)
    first, second = encode(*first_turn), encode(*first_turn, assistant("Two"), user("Three"))
    end = first.index(b'],"stream":true')
    assert second.startswith(first[:end] + b",")
    assert second.endswith(first[end:])


def test_equal_requests_are_equal_bytes_whatever_order_the_tools_are_in():
    one, other = (
        encode_request(ChatRequest(HELLO, tools=tools), MODEL, permits(PROXY, MODEL.compat), VLLM.extras)
        for tools in [(Tool("a"), Tool("b")), (Tool("b"), Tool("a"))]
    )
    assert one == other


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_that_a_command_line_can_hold_is_sent(text: str):
    content = sent(user(text))[0]["content"]
    is_text = not any("\ud800" <= character <= "\udfff" for character in text)
    assert content.encode() == text.encode() if is_text else content != text


def test_bytes_that_are_no_text_are_replaced_and_the_rest_is_kept():
    assert sent(user("caf\udce9 ok"))[0]["content"] == "caf\ufffd ok"
