"""Token counts as servers report them."""

from __future__ import annotations

from typing import Any

import pytest

from fluffbuzz.core.usage import ServerUsage
from fluffbuzz.wire.openai_usage import decode_timings, decode_usage

COUNTED = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (COUNTED, ServerUsage(5, 3)),
        ({"input_tokens": 5, "output_tokens": 3}, ServerUsage(5, 3)),
        ({"prompt_tokens": 0, "input_tokens": 9, "completion_tokens": 0, "output_tokens": 9}, ServerUsage(0, 0)),
        ({"prompt_tokens": 5}, ServerUsage(5, None)),
        ({"completion_tokens": 3}, ServerUsage(None, 3)),
        ({**COUNTED, "prompt_tokens_details": {"cached_tokens": 4}}, ServerUsage(5, 3, cached=4)),
        ({**COUNTED, "prompt_tokens_details": {"cached_tokens": 0}}, ServerUsage(5, 3, cached=0)),
        ({**COUNTED, "prompt_tokens_details": {"cached_tokens": None}}, ServerUsage(5, 3)),
        ({**COUNTED, "prompt_tokens_details": None}, ServerUsage(5, 3)),
        ({**COUNTED, "prompt_tokens_details": [4]}, ServerUsage(5, 3)),
        ({**COUNTED, "completion_tokens_details": {"reasoning_tokens": 2}}, ServerUsage(5, 3, reasoning=2)),
        ({"prompt_tokens": "5", "completion_tokens": 3}, ServerUsage(None, 3)),
        ({"prompt_tokens": True, "completion_tokens": 3}, ServerUsage(None, 3)),
        ({"prompt_tokens": -5, "completion_tokens": 3}, ServerUsage(None, 3)),
        ({"prompt_tokens": 5.0, "completion_tokens": 3}, ServerUsage(None, 3)),
        ({"prompt_tokens": None, "completion_tokens": None}, None),
        ({"total_tokens": 8}, None),
        ({}, None),
        (None, None),
        ([5, 3], None),
        ("5", None),
    ],
)
def test_a_usage_object_says_this_and_what_it_does_not_say_stays_unknown(usage: object, expected: ServerUsage | None):
    assert decode_usage(usage) == expected


def test_cached_tokens_are_part_of_the_input_and_never_taken_off_it():
    report = decode_usage({**COUNTED, "prompt_tokens_details": {"cached_tokens": 5}})
    assert report is not None
    assert report.input == COUNTED["prompt_tokens"]


@pytest.mark.parametrize(
    ("timings", "expected"),
    [
        ({"prompt_n": 1, "cache_n": 39, "predicted_n": 8}, ServerUsage(40, 8, 39)),
        ({"prompt_n": 40, "cache_n": 0, "predicted_n": 8}, ServerUsage(40, 8, 0)),
        ({"prompt_n": 40, "predicted_n": 8}, ServerUsage(40, 8)),
        ({"prompt_n": 40}, None),
        ({"predicted_n": 8}, None),
        ({"prompt_n": "40", "predicted_n": 8}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
)
def test_timings_count_the_cached_part_of_the_prompt_too(timings: Any, expected: ServerUsage | None):
    assert decode_timings(timings) == expected
