"""What a look at a server's models found is a typed value, never a silent empty list."""

from __future__ import annotations

import pytest

from fluffbuzz.core.discovery import Discovery, Outcome, ServedModel


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_list_of_models_is_an_answer_be_it_an_empty_one(outcome: Outcome):
    assert Discovery(outcome, "http://x:1/v1", at=0.0).is_answer == (outcome in (Outcome.FOUND, Outcome.EMPTY))


def test_every_way_a_look_can_end_has_a_name_of_its_own_that_people_can_read():
    assert {str(outcome) for outcome in Outcome} == {
        "found", "empty", "refused", "name not found", "timed out", "tls", "unauthorized", "not found", "not json",
        "http status", "unreachable",
    }  # fmt: skip


def test_a_row_is_taken_for_a_chat_model_unless_it_is_clearly_none():
    assert ServedModel("m").is_chat
    assert ServedModel("m").window is None
