"""What can go wrong with a call: evidence is weighed by code, then status, then words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.failure import (
    Evidence,
    Failure,
    FailureKind,
    OverflowNumbers,
    Wording,
    classify,
    is_about_the_request,
    overflow_numbers,
)

OVERFLOW = "This model's maximum context length is 4096 tokens."
WORDS = st.sampled_from(
    [OVERFLOW, "The model `x` does not exist", "stream_options", "is not a multimodal model", "", "?"]
)


def kind(
    status: int | None, message: str = "", code: str = "", kind_of_error: str = "", wordings: tuple[Wording, ...] = ()
) -> FailureKind:
    return classify(Evidence(status, message, kind_of_error, code), wordings).kind


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("context_length_exceeded", FailureKind.CONTEXT_OVERFLOW),
        ("exceed_context_size_error", FailureKind.CONTEXT_OVERFLOW),
        ("model_not_found", FailureKind.MODEL_NOT_FOUND),
        ("invalid_api_key", FailureKind.AUTH),
        ("insufficient_quota", FailureKind.BILLING),
        ("rate_limit_exceeded", FailureKind.RATE_LIMIT),
        ("content_filter", FailureKind.CONTENT_FILTER),
    ],
)
@given(status=st.none() | st.integers(400, 599), message=WORDS)
def test_an_error_code_settles_the_kind_whatever_status_and_words_say(
    code: str, expected: FailureKind, status: int | None, message: str
):
    assert kind(status, message, code=code) is expected
    assert kind(status, message, kind_of_error=code) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, FailureKind.AUTH),
        (402, FailureKind.BILLING),
        (403, FailureKind.AUTH),
        (405, FailureKind.NOT_FOUND),
        (408, FailureKind.TIMEOUT),
        (413, FailureKind.CONTEXT_OVERFLOW),
        (429, FailureKind.RATE_LIMIT),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.TIMEOUT),
        (529, FailureKind.OVERLOADED),
    ],
)
@given(message=WORDS)
def test_a_status_that_says_enough_settles_the_kind_whatever_the_words_say(
    status: int, expected: FailureKind, message: str
):
    assert kind(status, message, code="some_code", kind_of_error="Bad Request") is expected


@pytest.mark.parametrize("status", [400, 404, 422, 500, None])
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (OVERFLOW, FailureKind.CONTEXT_OVERFLOW),
        ("Context length exceeded", FailureKind.CONTEXT_OVERFLOW),
        ("request (9 tokens) exceeds the available context size (8 tokens)", FailureKind.CONTEXT_OVERFLOW),
        ("prompt is too long: 9 tokens > 8 maximum", FailureKind.CONTEXT_OVERFLOW),
        ("The input (9 tokens) is longer than the model's context length (8 tokens).", FailureKind.CONTEXT_OVERFLOW),
        ("m is not a multimodal model", FailureKind.IMAGE_REFUSED),
        ("image input is not supported", FailureKind.IMAGE_REFUSED),
        ("At most 0 image(s) may be provided", FailureKind.IMAGE_REFUSED),
        ("The model `x` does not exist.", FailureKind.MODEL_NOT_FOUND),
        ('model "x" not found, try pulling it first', FailureKind.MODEL_NOT_FOUND),
        ("Invalid model name passed in model=x", FailureKind.MODEL_NOT_FOUND),
        ("Extra inputs are not permitted: stream_options", FailureKind.OPTION_REFUSED),
    ],
)
def test_words_are_read_where_the_status_leaves_the_question_open(
    status: int | None, message: str, expected: FailureKind
):
    assert kind(status, message) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, FailureKind.BAD_REQUEST),
        (404, FailureKind.NOT_FOUND),
        (409, FailureKind.BAD_REQUEST),
        (418, FailureKind.BAD_REQUEST),
        (422, FailureKind.BAD_REQUEST),
        (500, FailureKind.SERVER_ERROR),
        (502, FailureKind.SERVER_ERROR),
        (520, FailureKind.SERVER_ERROR),
        (302, FailureKind.SERVER_ERROR),
        (None, FailureKind.SERVER_ERROR),
    ],
)
def test_without_telling_words_the_class_of_the_status_decides(status: int | None, expected: FailureKind):
    assert kind(status, "something else") is expected


@pytest.mark.parametrize("status", [409, 502])
def test_words_are_not_read_where_the_status_is_clear_enough(status: int):
    assert kind(status, OVERFLOW) is not FailureKind.CONTEXT_OVERFLOW


def test_the_param_is_read_with_the_words():
    assert classify(Evidence(400, "Extra inputs", param="stream_options")).kind is FailureKind.OPTION_REFUSED


# --- the provider's own sentences


HINT = Wording("engine is (dead|gone)", FailureKind.OVERLOADED, "Wait.")


def test_a_wording_of_the_provider_is_read_before_the_general_ones():
    own = Wording("does not exist", FailureKind.BAD_REQUEST, "Load it.")
    found = classify(Evidence(404, "The model `x` does not exist."), [own])
    assert (found.kind, found.advice) == (FailureKind.BAD_REQUEST, "Load it.")


def test_the_first_wording_that_fits_counts():
    other = Wording("engine", FailureKind.BILLING, "Pay.")
    assert kind(500, "Engine is dead", wordings=(HINT, other)) is FailureKind.OVERLOADED
    assert kind(500, "Engine is dead", wordings=(other, HINT)) is FailureKind.BILLING


def test_a_wording_lends_its_advice_where_status_or_code_has_settled_the_same_kind():
    found = classify(Evidence(503, "The ENGINE is gone"), [HINT])
    assert (found.kind, found.advice) == (FailureKind.OVERLOADED, "Wait.")


def test_a_wording_neither_changes_nor_advises_on_a_kind_that_is_settled_otherwise():
    found = classify(Evidence(401, "engine is dead"), [HINT])
    assert (found.kind, found.advice) == (FailureKind.AUTH, "")


def test_a_wording_that_does_not_fit_changes_nothing():
    found = classify(Evidence(500, "something"), [HINT])
    assert (found.kind, found.advice) == (FailureKind.SERVER_ERROR, "")


@given(
    st.builds(
        Evidence,
        st.none() | st.integers(100, 999),
        st.text(),
        st.text(),
        st.text(),
        st.text(),
        st.none() | st.floats(0, 1e6),
    )
)
def test_everything_that_was_said_is_kept(evidence: Evidence):
    failure = classify(evidence)
    assert failure == Failure(
        failure.kind, evidence.message, evidence.status, evidence.code, evidence.param, "", evidence.retry_after
    )


# --- the numbers of an overflow


@pytest.mark.parametrize(
    ("message", "window", "prompt"),
    [
        ("maximum context length is 4096 tokens. However, your prompt contains 5000 input tokens", 4096, 5000),
        ("maximum context length is 4096 tokens. However, your prompt contains at least 4097 input tokens", 4096, 4097),
        ("Maximum Context Length is 4096 tokens.", 4096, None),
        ("maximum context length is 8 tokens. However, you requested 9 tokens (3 in the messages, 6 in …)", 8, 3),
        ("maximum context length is 8 tokens, however you requested 9 tokens (3 in your prompt; 6 for …)", 8, 3),
        ("maximum context length is 8 tokens. However, you requested 9 tokens", 8, None),
        ("maximum context length is 8 tokens. However, your messages resulted in 9 tokens.", 8, 9),
        ("max_tokens=9 cannot be greater than max_model_len=8", 8, None),
        ("maximum context length is 8 tokens and your request has 4 input tokens (9 > 8 - 4).", 8, 4),
        ("request (9 tokens) exceeds the available context size (8 tokens), try increasing it", 8, 9),
        ("The input (9 tokens) is longer than the model's context length (8 tokens).", 8, 9),
        ("Trying to keep the first 9 tokens … loaded with context length of only 8 tokens", 8, 9),
        ("Cannot truncate prompt with n_keep (9) >= n_ctx (8)", 8, 9),
        ("prompt is too long: 9 tokens > 8 maximum", 8, 9),
        ("your prompt contains 9000 characters", None, None),
        ("something else: 17", None, None),
        ("", None, None),
    ],
)
def test_window_and_prompt_are_read_out_of_the_wordings_in_use(message: str, window: int | None, prompt: int | None):
    assert overflow_numbers(message) == OverflowNumbers(window, prompt)


@given(st.text())
def test_any_words_may_be_asked_for_numbers(message: str):
    found = overflow_numbers(message)
    assert all(number is None or number >= 0 for number in (found.window, found.prompt))


ABOUT_THE_REQUEST = {
    FailureKind.CONTEXT_OVERFLOW,
    FailureKind.IMAGE_REFUSED,
    FailureKind.TOOLS_REFUSED,
    FailureKind.OPTION_REFUSED,
    FailureKind.BAD_REQUEST,
    FailureKind.CONTENT_FILTER,
}


@pytest.mark.parametrize("failure", FailureKind)
def test_what_a_server_refuses_for_what_it_says_would_be_refused_again(failure: FailureKind):
    assert is_about_the_request(failure) is (failure in ABOUT_THE_REQUEST)
