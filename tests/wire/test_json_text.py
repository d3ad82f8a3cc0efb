"""JSON as real servers write it, and as we write it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.wire import json_text

ANY_TEXT = st.text(alphabet=st.characters(codec=None))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(VALUES)
def test_what_is_rendered_is_read_again(value: object):
    assert json_text.parse(json_text.render(value)) == value


@given(VALUES)
def test_clean_json_is_read_as_the_standard_library_reads_it(value: object):
    document = json.dumps(value).encode()
    assert json_text.parse(document) == json.loads(document)


@given(st.dictionaries(ANY_TEXT, st.lists(ANY_TEXT, max_size=3), max_size=3))
def test_broken_characters_never_keep_a_document_from_being_read_or_written(value: dict[str, list[str]]):
    for document in (json.dumps(value).encode(), json_text.render(value)):
        assert json_text.render(json_text.parse(document)).decode()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (rb'"a\ud83d"', "a\ufffd"),
        (rb'"\ude00b"', "\ufffdb"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'{"\ud83d": ["\ud83d", 1, null, true, 1.5]}', {"\ufffd": ["\ufffd", 1, None, True, 1.5]}),
        (b'"caf\xe9"', "caf\ufffd"),
        (b"[Infinity, -Infinity]", [math.inf, -math.inf]),
    ],
)
def test_what_the_fast_parser_refuses_is_read_with_its_broken_characters_replaced(document: bytes, expected: object):
    assert json_text.parse(document) == expected


def test_nan_is_read_as_a_number_that_is_none():
    assert math.isnan(json_text.parse(b'{"logprob": NaN}')["logprob"])


@pytest.mark.parametrize("document", [b"", b"{", b"<html>", b'{"a": 1} x', b"'a'", b"[1,]", b"[" * 100_000])
def test_what_is_no_json_is_a_value_error_whatever_its_depth(document: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 -- the words are the parser's own
        json_text.parse(document)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'.encode()),
        ({"a": "caf\udce9", "b": 1}, '{"a":"caf\ufffd","b":1}'.encode()),
        ({"\ud800": ["\udfff"]}, '{"\ufffd":["\ufffd"]}'.encode()),
        ({"seed": 2**70}, b'{"seed":1180591620717411303424}'),
    ],
)
def test_json_is_written_compact_and_as_utf8_whatever_is_in_it(value: object, expected: bytes):
    assert json_text.render(value) == expected
