"""The answer as a value, folded from the events in which it arrived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.events import (
    ChoiceFinished,
    Event,
    ReplyFailed,
    ReplyFinished,
    ReplyStarted,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReported,
    is_visible,
)
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.messages import Message, Role, Text, Thinking, ToolCall
from fluffbuzz.core.reply import Choice, Reply, ReplyFold
from fluffbuzz.core.usage import UNKNOWN, ServerUsage, Usage, estimated, exact

LOST = Failure(FailureKind.CUT, "lost")


def fold(*events: Event) -> Reply:
    folded = ReplyFold()
    for event in events:
        folded.feed(event)
    return folded.reply


def test_before_anything_arrives_there_is_one_empty_choice_of_unknown_cost():
    assert fold() == Reply((Choice(),), Usage())


def test_an_answer_is_its_deltas_in_order():
    reply = fold(
        ReplyStarted("id", "model"),
        ThinkingDelta("h"),
        ThinkingDelta("m"),
        TextDelta("Hi"),
        TextDelta(" you"),
        ChoiceFinished(StopReason.STOP),
        UsageReported(ServerUsage(40, 8, 32, 2)),
        ReplyFinished(),
    )
    assert reply == Reply(
        (Choice("Hi you", "hm", (), StopReason.STOP),), Usage(exact(40), exact(8), exact(32), exact(2)), "id", "model"
    )
    assert reply.first is reply.choices[0]


def test_a_tool_call_is_put_together_from_its_pieces_and_calls_are_ordered_by_index():
    reply = fold(
        ToolCallDelta(1, "c2", "g"),
        ToolCallDelta(0, "c1", "f", '{"a"'),
        ToolCallDelta(0, arguments=": 1}"),
        ToolCallDelta(0, "later", "later"),
    )
    assert reply.first.tool_calls == (ToolCall("c1", "f", '{"a": 1}'), ToolCall("c2", "g", ""))


def test_choices_are_kept_apart_and_ordered_by_index():
    reply = fold(
        TextDelta("b", 1),
        ToolCallDelta(0, "c", "f", "{}", choice=2),
        TextDelta("a", 0),
        ThinkingDelta("t", 1),
        ChoiceFinished(StopReason.LENGTH, 1),
    )
    assert reply.choices == (
        Choice("a"),
        Choice("b", "t", stop=StopReason.LENGTH),
        Choice(tool_calls=(ToolCall("c", "f", "{}"),)),
    )


def test_a_later_report_of_usage_replaces_an_earlier_one():
    reply = fold(UsageReported(ServerUsage(40, 1)), UsageReported(ServerUsage(40, 2)), ReplyFinished())
    assert reply.usage == Usage(exact(40), exact(2))


@pytest.mark.parametrize("end", [[], [ReplyFailed(LOST)]])
def test_what_an_unfinished_answer_generated_is_a_lower_bound(end: list[Event]):
    reply = fold(TextDelta("Hi"), UsageReported(ServerUsage(40, 2)), *end)
    assert reply.usage == Usage(exact(40), estimated(2))


@pytest.mark.parametrize(("events", "reasoning"), [([ThinkingDelta("hm", 1)], UNKNOWN), ([TextDelta("Hi")], exact(0))])
def test_a_server_that_reports_no_reasoning_for_an_answer_with_thinking_is_not_believed(events, reasoning):
    assert fold(*events, UsageReported(ServerUsage(40, 8, 0, 0)), ReplyFinished()).usage.reasoning == reasoning


def test_a_failed_answer_keeps_what_was_received():
    reply = fold(ReplyStarted("id"), TextDelta("Hi"), ReplyFailed(LOST))
    assert (reply.first.text, reply.first.stop, reply.failure, reply.id) == ("Hi", None, LOST, "id")


@pytest.mark.parametrize(
    ("choice", "is_thinking_only"),
    [
        (Choice(thinking="hm"), True),
        (Choice(thinking="hm", text=" \n"), True),
        (Choice(thinking="hm", text="Hi"), False),
        (Choice(thinking="hm", tool_calls=(ToolCall("c", "f", "{}"),)), False),
        (Choice(text=" "), False),
        (Choice(), False),
    ],
)
def test_an_answer_that_is_thinking_only_is_told(choice: Choice, is_thinking_only: bool):
    assert choice.is_thinking_only is is_thinking_only


@pytest.mark.parametrize(
    ("choice", "parts"),
    [
        (Choice(), ()),
        (Choice("Hi"), (Text("Hi"),)),
        (Choice("Hi", "hm", (ToolCall("c", "f", ""),)), (Thinking("hm"), Text("Hi"), ToolCall("c", "f", ""))),
    ],
)
def test_a_choice_becomes_a_message_of_the_assistant(choice: Choice, parts):
    assert choice.message == Message(Role.ASSISTANT, parts)


@pytest.mark.parametrize(
    ("event", "visible"),
    [
        (TextDelta("x"), True),
        (ThinkingDelta("x"), True),
        (ToolCallDelta(0, "c"), True),
        (ReplyStarted(), False),
        (UsageReported(ServerUsage()), False),
        (ChoiceFinished(StopReason.STOP), False),
        (ReplyFinished(), False),
        (ReplyFailed(LOST), False),
    ],
)
def test_a_reader_sees_text_thinking_and_tool_calls(event: Event, visible: bool):
    assert is_visible(event) is visible


@given(st.lists(st.text(min_size=1)), st.lists(st.text(min_size=1)))
def test_the_text_is_the_same_however_it_was_cut_into_deltas(texts: list[str], thoughts: list[str]):
    reply = fold(*map(TextDelta, texts), *map(ThinkingDelta, thoughts))
    assert (reply.first.text, reply.first.thinking) == ("".join(texts), "".join(thoughts))
    assert reply == fold(
        *([TextDelta("".join(texts))] if texts else []), *([ThinkingDelta("".join(thoughts))] if thoughts else [])
    )


def test_a_reply_may_be_asked_for_at_any_moment_without_disturbing_what_follows():
    folded = ReplyFold()
    seen = []
    for event in [TextDelta("a"), TextDelta("b"), ReplyFinished()]:
        folded.feed(event)
        seen.append(folded.reply.first.text)
    assert seen == ["a", "ab", "ab"]
