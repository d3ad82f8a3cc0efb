"""What the chunks of an answer may hold in the `openai-completions` dialect, as servers are known to send them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.wire.chunks import DONE, REPORTED, USAGE, chunk, decode, event, failure_kind

from fluffbuzz.core.events import (
    ChoiceFinished,
    Event,
    ReplyFinished,
    ReplyStarted,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReported,
)
from fluffbuzz.core.failure import FailureKind
from fluffbuzz.core.usage import ServerUsage
from fluffbuzz.wire.openai_chat_reply import ChatDecoder

# --- what a delta may hold


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"content": "Hi"}, [TextDelta("Hi")]),
        ({"role": "assistant", "content": "Hi"}, [TextDelta("Hi")]),
        ({"role": "assistant", "content": ""}, []),
        ({"role": "assistant", "content": None}, []),
        ({"content": [{"type": "text", "text": "Hi"}, {"type": "x"}, "?", {"text": "!"}]}, [TextDelta("Hi!")]),
        ({"content": [{"type": "x"}]}, []),
        ({"content": {"text": "Hi"}}, []),
        ({"content": 7}, []),
        ({"reasoning": "Hm"}, [ThinkingDelta("Hm")]),
        ({"reasoning_content": "Hm"}, [ThinkingDelta("Hm")]),
        ({"reasoning_text": "Hm"}, [ThinkingDelta("Hm")]),
        ({"reasoning": "Hm", "reasoning_content": "Hm"}, [ThinkingDelta("Hm")]),
        ({"reasoning_content": "", "reasoning": "Hm"}, [ThinkingDelta("Hm")]),
        ({"reasoning": ["Hm"]}, []),
        ({"reasoning": "Hm", "content": "Hi"}, [ThinkingDelta("Hm"), TextDelta("Hi")]),
        ({"refusal": "no", "unknown": 1}, []),
    ],
)
def test_text_and_thinking_are_told_apart_under_every_name_in_use(delta: dict[str, Any], expected: list[Event]):
    assert decode(chunk(delta), chunk(finish="stop")) == [*expected, ChoiceFinished(StopReason.STOP), ReplyFinished()]


CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"tool_calls": [CALL]}, [ToolCallDelta(0, "c1", "f", "{}")]),
        ({"tool_calls": [{"index": 2, "function": {"arguments": '{"a"'}}]}, [ToolCallDelta(2, arguments='{"a"')]),
        ({"tool_calls": [{"id": "a"}, {"id": "b"}]}, [ToolCallDelta(0, "a"), ToolCallDelta(1, "b")]),
        ({"tool_calls": [{"index": True, "id": "a"}]}, [ToolCallDelta(0, "a")]),
        ({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, [ToolCallDelta(0, "", "f", '{"a":1}')]),
        ({"tool_calls": [{**CALL, "function": {"name": "f", "arguments": None}}]}, [ToolCallDelta(0, "c1", "f")]),
        ({"tool_calls": [{**CALL, "function": None}]}, [ToolCallDelta(0, "c1")]),
        ({"tool_calls": ["?", None]}, []),
        ({"tool_calls": "?"}, []),
        ({"tool_calls": 7}, []),
        ({"tool_calls": []}, []),
        ({"function_call": {"name": "f", "arguments": "{}"}}, [ToolCallDelta(0, "", "f", "{}")]),
        ({"function_call": None}, []),
    ],
)  # fmt: skip
def test_tool_calls_arrive_in_pieces_whole_or_in_the_old_form(delta: dict[str, Any], expected: list[Event]):
    assert decode(chunk(delta), chunk(finish="stop"))[: len(expected)] == expected
    assert len(decode(chunk(delta), chunk(finish="stop"))) == len(expected) + 2


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", StopReason.STOP),
        ("end", StopReason.STOP),
        ("eos", StopReason.STOP),
        ("length", StopReason.LENGTH),
        ("tool_calls", StopReason.TOOL_CALLS),
        ("tool_call", StopReason.TOOL_CALLS),
        ("function_call", StopReason.TOOL_CALLS),
        ("content_filter", StopReason.CONTENT_FILTER),
    ],
)
def test_every_finish_reason_in_use_has_a_meaning(word: str, reason: StopReason):
    assert decode(chunk({"content": "Hi"}, word)) == [TextDelta("Hi"), ChoiceFinished(reason), ReplyFinished()]


@pytest.mark.parametrize("reason", ["network_error", "abort", "error", 7, ["stop"]])
def test_an_unknown_finish_reason_is_a_failure_that_quotes_it(reason: object):
    events = decode(chunk({"content": "Hi"}), chunk(finish=reason), chunk(finish="stop"), DONE)
    assert failure_kind(events) is FailureKind.SERVER_ERROR
    assert events[:-1] == [TextDelta("Hi")]
    assert repr(reason) in events[-1].failure.message  # type: ignore[union-attr]  # told by the line above


def test_the_usage_beside_an_unknown_finish_reason_still_counts():
    events = decode(chunk({"content": "Hi"}, "network_error", usage=USAGE))
    assert events[:-1] == [TextDelta("Hi"), REPORTED]
    assert failure_kind(events) is FailureKind.SERVER_ERROR


def test_several_choices_are_told_apart_by_their_index():
    events = decode(
        chunk({"content": "a"}, index=0),
        chunk({"content": "b"}, index=1),
        chunk(finish="stop", index=1),
        chunk({"content": "a"}, "length", index=0),
    )
    assert events == [
        TextDelta("a", 0),
        TextDelta("b", 1),
        ChoiceFinished(StopReason.STOP, 1),
        TextDelta("a", 0),
        ChoiceFinished(StopReason.LENGTH, 0),
        ReplyFinished(),
    ]


@pytest.mark.parametrize("index", [None, "0", True, 0.0])
def test_a_choice_without_a_number_is_the_first(index: object):
    assert decode(chunk({"content": "a"}, "stop", index=index))[:2] == [
        TextDelta("a", 0),
        ChoiceFinished(StopReason.STOP, 0),
    ]


def test_after_a_choice_that_failed_the_others_of_its_chunk_are_not_read():
    failed = {"index": 0, "delta": {}, "finish_reason": "abort"}
    other = {"index": 1, "delta": {"content": "late"}, "finish_reason": "stop"}
    events = decode(event({"id": "r", "model": "m", "choices": [failed, other], "usage": USAGE}))
    assert events[:-1] == [REPORTED]
    assert failure_kind(events) is FailureKind.SERVER_ERROR


def test_choices_of_one_chunk_are_all_read_and_strange_ones_passed_over():
    choices = [{"index": 0, "delta": {"content": "a"}}, "?", None, {"index": 1, "delta": "?"}, {"index": None}]
    assert decode(event({"id": "r", "model": "m", "choices": choices}), DONE) == [TextDelta("a"), ReplyFinished()]


@pytest.mark.parametrize("choices", [None, {}, "?", 7])
def test_a_chunk_without_a_list_of_choices_is_passed_over(choices: object):
    events = decode(event({"id": "r", "model": "m", "choices": choices}), chunk({"content": "a"}, "stop"))
    assert events[0] == TextDelta("a")


def test_names_of_answer_and_model_that_are_no_texts_are_left_empty():
    decoder = ChatDecoder()
    assert decoder.feed(event({"id": 7, "choices": []})) == [ReplyStarted("", "")]


# --- usage


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk({"content": "Hi"}, "stop"), event({"choices": [], "usage": USAGE}), DONE],
        [chunk({"content": "Hi"}, "stop", usage=USAGE), DONE],
        [chunk({"content": "Hi"}, "stop"), chunk(usage=USAGE)],
    ],
)
def test_usage_counts_on_any_chunk_also_on_the_last_one_without_choices(pieces: list[bytes]):
    events = decode(*pieces)
    assert REPORTED in events
    assert events[-1] == ReplyFinished()


def test_usage_on_every_chunk_is_reported_every_time():
    counts = [{"prompt_tokens": 5, "completion_tokens": n} for n in (1, 2)]
    events = decode(chunk({"content": "a"}, usage=counts[0]), chunk({"content": "b"}, "stop", usage=counts[1]))
    assert [found for found in events if isinstance(found, UsageReported)] == [
        UsageReported(ServerUsage(5, 1)),
        UsageReported(ServerUsage(5, 2)),
    ]


def test_usage_inside_a_choice_counts_where_the_chunk_has_none():
    choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop", "usage": USAGE}
    assert REPORTED in decode(event({"id": "r", "model": "m", "choices": [choice]}))


def test_timings_stand_in_where_usage_is_missing_and_never_override_it():
    timings = {"prompt_n": 4, "cache_n": 6, "predicted_n": 8}
    assert UsageReported(ServerUsage(10, 8, 6)) in decode(chunk({"content": "a"}, "stop", timings=timings))
    assert REPORTED in decode(chunk({"content": "a"}, "stop", timings=timings, usage=USAGE))
    assert not any(
        isinstance(found, UsageReported) for found in decode(chunk({"content": "a"}, "stop", timings={"prompt_n": 1}))
    )
