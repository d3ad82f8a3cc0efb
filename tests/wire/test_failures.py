"""From a failed response to what somebody may act on: the table, row by row."""

from __future__ import annotations

import pytest
from tests.wire.failure_table import DOCUMENTED, RECORDED, ROWS, Row

from fluffbuzz.core.failure import Failure, FailureKind, classify, overflow_numbers
from fluffbuzz.providers import find
from fluffbuzz.wire.openai_chat_reply import decode_reply
from fluffbuzz.wire.openai_errors import decode_error

each_row = pytest.mark.parametrize("row", ROWS, ids=str)


def failure_of(row: Row) -> Failure:
    return classify(decode_error(row.status, {}, row.body), find(row.provider).wordings)


@each_row
def test_a_response_is_this_kind_of_failure(row: Row):
    assert failure_of(row).kind is row.kind


@each_row
def test_advice_is_given_where_the_provider_knows_any_and_only_there(row: Row):
    advice = failure_of(row).advice
    assert row.advice in advice
    assert bool(advice) == bool(row.advice)


@each_row
def test_the_numbers_of_an_overflow_are_read_out_of_its_words(row: Row):
    assert overflow_numbers(failure_of(row).message) == row.numbers


def test_the_table_holds_real_bodies_and_documented_ones_of_every_family():
    assert {row.origin for row in ROWS} == {RECORDED, DOCUMENTED}
    assert {row.server for row in ROWS} >= {"OpenAI", "vLLM", "SGLang", "Ollama", "LM Studio", "LiteLLM", "llama.cpp"}
    assert len({str(row) for row in ROWS if row.origin is DOCUMENTED}) == sum(row.origin is DOCUMENTED for row in ROWS)


def test_the_same_error_object_inside_a_200_is_the_same_kind_where_its_code_or_words_tell():
    for row in ROWS:
        if row.kind in (FailureKind.CONTEXT_OVERFLOW, FailureKind.MODEL_NOT_FOUND) and b'"error"' in row.body:
            closing = decode_reply(row.body, find(row.provider).wordings)[-1]
            assert closing.failure.kind is row.kind, row  # type: ignore[union-attr]  # an error body ends in a failure
