"""Requests: sampling values in their spellings, and what configured params bring into a body."""

from __future__ import annotations

from typing import Any

import pytest

from fluffbuzz.core.request import KNOWN_PARAMS, Sampling, extra_of, sampling_of


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, Sampling()),
        ({"temperature": 0}, Sampling(temperature=0)),
        ({"temperature": None}, Sampling()),
        ({"topP": 0.9}, Sampling(top_p=0.9)),
        ({"top_p": 0.9}, Sampling(top_p=0.9)),
        ({"maxTokens": 9}, Sampling(max_tokens=9)),
        ({"max_tokens": 9}, Sampling(max_tokens=9)),
        ({"max_completion_tokens": 9}, Sampling(max_tokens=9)),
        ({"frequencyPenalty": 0.1, "presencePenalty": 0.2}, Sampling(frequency_penalty=0.1, presence_penalty=0.2)),
        ({"frequency_penalty": 0.1, "presence_penalty": 0.2}, Sampling(frequency_penalty=0.1, presence_penalty=0.2)),
        ({"seed": 7}, Sampling(seed=7)),
        ({"stop": "END"}, Sampling(stop=("END",))),
        ({"stop": ["a", "b"]}, Sampling(stop=("a", "b"))),
        ({"stop": None}, Sampling()),
        ({"stop": []}, Sampling()),
        ({"top_k": 5, "extra_body": {"temperature": 1}}, Sampling()),
    ],
)
def test_sampling_values_are_read_in_either_spelling(params: dict[str, Any], expected: Sampling):
    assert sampling_of(params) == expected


ALL = Sampling(0.1, 0.2, 3, 0.4, 0.5, 6, ("x",))


@pytest.mark.parametrize(
    ("asked", "configured", "expected"),
    [
        (Sampling(), ALL, ALL),
        (ALL, Sampling(), ALL),
        (Sampling(temperature=0, seed=0), ALL, Sampling(0, 0.2, 3, 0.4, 0.5, 0, ("x",))),
        (Sampling(max_tokens=9, stop=("y",)), ALL, Sampling(0.1, 0.2, 9, 0.4, 0.5, 6, ("y",))),
        (Sampling(), Sampling(), Sampling()),
    ],
)
def test_what_was_asked_goes_over_what_is_configured_also_where_it_is_zero(
    asked: Sampling, configured: Sampling, expected: Sampling
):
    assert asked.over(configured) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {}),
        ({"temperature": 1, "seed": 7, "maxTokens": 5, "unknown": 1}, {}),
        ({"responseFormat": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"chatTemplateKwargs": {"enable_thinking": False}}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ({"chat_template_kwargs": None}, {}),
        ({"extra_body": {"top_k": 5}}, {"top_k": 5}),
        ({"extraBody": {"top_k": 5}}, {"top_k": 5}),
        ({"extraBody": {"top_k": 5}, "extra_body": {"top_k": 6, "min_p": 0}}, {"top_k": 6, "min_p": 0}),
        ({"extraBody": None, "extra_body": None}, {}),
        ({"parallel_tool_calls": True, "extra_body": {"parallel_tool_calls": False}}, {"parallel_tool_calls": False}),
    ],
)
def test_body_fields_among_the_params_are_the_known_ones_and_the_extra_body_over_them(
    params: dict[str, Any], expected: dict[str, Any]
):
    assert extra_of(params) == expected


def test_the_configured_params_themselves_never_change():
    params = {"extra_body": {"top_k": 5}, "responseFormat": {"type": "text"}}
    extra = dict(extra_of(params))
    extra["top_k"] = 9
    assert params == {"extra_body": {"top_k": 5}, "responseFormat": {"type": "text"}}


def test_sampling_that_the_dialect_does_not_know_but_local_servers_do_is_passed_on():
    params = {"top_k": 20, "minP": 0.1, "repetitionPenalty": 1.1, "min_tokens": 2, "logit_bias": {"8": 1}}
    assert extra_of(params) == {
        "top_k": 20,
        "min_p": 0.1,
        "repetition_penalty": 1.1,
        "min_tokens": 2,
        "logit_bias": {"8": 1},
    }
    assert set(params) < KNOWN_PARAMS
