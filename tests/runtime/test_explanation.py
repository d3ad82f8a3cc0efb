"""Failures in words: what happened, to what, and what to do next."""

from __future__ import annotations

import pytest
from tests.recorded import load
from tests.runtime.scene import BASE, candidate

from fluffbuzz.core.errors import RequestFailed
from fluffbuzz.core.failure import Evidence, Failure, FailureKind, classify
from fluffbuzz.providers import find
from fluffbuzz.runtime.explanation import explain_failure

VLLM = find("vllm")


def explain(failure: Failure) -> RequestFailed:
    return explain_failure(failure, candidate(), VLLM)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_is_one_clear_message_with_the_place_and_without_the_key(kind: FailureKind) -> None:
    error = explain(Failure(kind, "the server's words", 400))
    assert error.message
    assert "{" not in f"{error.message}{error.next_step}"
    assert kind is FailureKind.CANCELLED or BASE in error.message or "org/small" in error.message
    assert "s3cret" not in f"{error} {error.detail}"
    assert f"kind={kind}" in error.detail


@pytest.mark.parametrize("message", ["", "trailing dot.", "with {braces} and %s", "two\nlines"])
def test_the_servers_words_are_quoted_as_they_are(message: str) -> None:
    error = explain(Failure(FailureKind.BAD_REQUEST, message))
    assert message.rstrip(".") in error.message


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(FailureKind.REFUSED, "x"), "vllm serve"),
        (Failure(FailureKind.AUTH, "Unauthorized", 401), "VLLM_API_KEY"),
        (Failure(FailureKind.MODEL_NOT_FOUND, "x", 404), "fluffbuzz models list --refresh"),
        (Failure(FailureKind.TLS, "self-signed"), "models.providers.vllm.request.tls.ca"),
        (Failure(FailureKind.CUT, "x"), "/continue"),
        (Failure(FailureKind.CONTEXT_OVERFLOW, "x"), "new conversation"),
    ],
)
def test_the_next_step_fits_the_kind(failure: Failure, expected: str) -> None:
    assert expected in explain(failure).next_step


def test_a_prompt_that_is_too_long_is_told_with_its_numbers() -> None:
    recorded = load("vllm-0.32/plain/error_prompt_over_window")
    words = "However, your prompt contains at least 4097 input tokens"
    assert words.encode() in recorded.body
    message = f"This model's maximum context length is 4096 tokens. {words}, which exceeds this limit."
    error = explain(Failure(FailureKind.CONTEXT_OVERFLOW, message, 400))
    assert "at least 4,097 tokens" in error.message
    assert "its window" in error.message
    assert "4,096 tokens" in error.message


def test_what_the_providers_data_advises_wins() -> None:
    words = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    failure = classify(Evidence(400, words), VLLM.wordings)
    assert "--enable-auto-tool-choice --tool-call-parser" in explain(failure).next_step
