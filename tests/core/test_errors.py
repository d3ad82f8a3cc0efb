"""The errors that people read: what happened, then what to do."""

from __future__ import annotations

import pytest

from fluffbuzz.core import errors
from fluffbuzz.core.errors import FluffBuzzError, RequestFailed, UsageError
from fluffbuzz.core.failure import Failure, FailureKind

KINDS = [
    found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, FluffBuzzError)
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_its_message_and_the_next_step_and_hides_the_technical_story(kind: type[FluffBuzzError]):
    error = kind("vLLM refused the connection.", "Is it running?", "ECONNREFUSED 127.0.0.1")
    assert str(error) == "vLLM refused the connection.\nIs it running?"
    assert (error.message, error.next_step, error.detail) == (
        "vLLM refused the connection.",
        "Is it running?",
        "ECONNREFUSED 127.0.0.1",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_without_a_next_step_is_its_message_alone(kind: type[FluffBuzzError]):
    assert str(kind("The disk is full.")) == "The disk is full."


def test_a_wrong_use_exits_with_2_and_everything_else_with_1():
    assert {kind: kind.exit_code for kind in KINDS} == {kind: 2 if kind is UsageError else 1 for kind in KINDS}
    assert len(KINDS) == 7


def test_a_failed_request_holds_its_evidence():
    failure = Failure(FailureKind.CUT, "lost")
    assert RequestFailed("It broke off.", failure=failure).failure is failure
    assert RequestFailed("It broke off.").failure is None
