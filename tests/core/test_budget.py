"""How many tokens fit: estimates that err on no side by much, and limits that always leave a place for an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.budget import IMAGE_TOKENS, MESSAGE_OVERHEAD, clamp_output, estimate, estimate_text, fewest, share
from fluffbuzz.core.messages import Image, Message, Role, Text, Thinking, ToolCall, ToolResult, user
from fluffbuzz.core.usage import CountKind, estimated, exact


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("four", 1),
        ("fives", 2),
        ("x" * 400, 100),
        ("日本語", 3),
        ("ひらがなカタカナ", 8),
        ("한국어", 3),
        ("日本語ab", 4),
        ("𠮷", 1),
        ("ｆｕｌｌ", 4),
        ("Ünïcödé", 2),
        ("\u2028", 1),
    ],
)
def test_a_text_is_a_token_for_each_wide_character_and_for_four_others(text: str, tokens: int):
    assert estimate_text(text) == tokens


@given(st.text(), st.text())
def test_a_longer_text_is_never_estimated_smaller(text: str, more: str):
    assert estimate_text(text) <= estimate_text(text + more) <= estimate_text(text) + estimate_text(more)


@pytest.mark.parametrize(
    ("parts", "tokens"),
    [
        ((), 0),
        ((Text("x" * 40),), 10),
        ((Thinking("x" * 40),), 0),
        ((Image("image/png", b"x" * 10**6),), IMAGE_TOKENS),
        ((ToolCall("id", "name", '{"a":1}1'),), 3),
        ((ToolResult("id", "x" * 40),), 10),
        ((Text("x" * 40), Image("image/png", b""), Text("x")), 11 + IMAGE_TOKENS),
    ],
)
def test_each_part_of_a_message_has_its_estimate(parts, tokens: int):
    assert estimate([Message(Role.USER, parts)]) == estimated(tokens + MESSAGE_OVERHEAD)


def test_a_conversation_is_the_sum_of_its_messages():
    assert estimate([user("x" * 40)] * 10).tokens == 10 * estimate([user("x" * 40)]).tokens
    assert estimate([]) == estimated(0)


def test_an_estimate_is_labelled_as_one():
    assert estimate([user("Hi")]).kind is CountKind.ESTIMATED


@pytest.mark.parametrize(
    ("limit", "window", "prompt", "sent"),
    [
        (None, None, 100, None),
        (None, 4096, 100, None),
        (500, None, 100, 500),
        (500, 4096, 100, 500),
        (500, 4096, 4000, 96),
        (500, 4096, 4095, 1),
        (500, 4096, 4096, 1),
        (500, 4096, 9999, 1),
        (8192, 4096, 0, 4096),
    ],
)
def test_the_limit_that_is_sent_is_what_the_window_leaves(
    limit: int | None, window: int | None, prompt: int, sent: int | None
):
    assert clamp_output(limit, window, prompt) == sent


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_a_limit_that_is_sent_is_at_least_one_and_never_raised(limit: int, window: int, prompt: int):
    sent = clamp_output(limit, window, prompt)
    assert sent is not None
    assert 1 <= sent <= limit
    assert sent + prompt <= window or sent == 1


def test_the_share_of_a_window_may_go_beyond_it():
    assert share(exact(1024), 4096) == 0.25
    assert share(exact(8192), 4096) == 2.0


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("x" * 9, 0), ("x" * 10, 1), ("日" * 4000, 400)])
def test_the_fewest_tokens_of_a_conversation_are_never_more_than_it_has(text: str, tokens: int):
    assert fewest([user(text)]) == tokens
    assert fewest([user(text)]) <= estimate([user(text)]).tokens
