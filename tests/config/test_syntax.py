"""JSON5 in: the same values as everybody reads, and of every mistake the place and a plain sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.config.literals import MAX_DIGITS
from fluffbuzz.config.syntax import MAX_NESTING, parse
from fluffbuzz.config.tree import Array, Object, Scalar, Source, at, plain

Split = Callable[[str], tuple[str, int, int]]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(text: str) -> object:
    node, problems = parse(Source(Path("f"), text))
    assert node is not None, problems
    assert not problems
    return plain(node)


@given(json_values, st.booleans())
def test_every_json_text_is_read_as_the_standard_library_reads_it(value: object, ascii_only: bool) -> None:
    assert read(json.dumps(value, ensure_ascii=ascii_only, indent=1)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 1, 'b': 2, \"c\": 3,}", {"a": 1, "b": 2, "c": 3}),
        ("{$a_1: 1, ünïcode: 2, \\u0061b: 3}", {"$a_1": 1, "ünïcode": 2, "ab": 3}),
        ("{e5: 1, true: 2, null: 3, Infinity: 4}", {"e5": 1, "true": 2, "null": 3, "Infinity": 4}),
        ("[+1, -2, .5, 5., 0x1F, -0XaB, 1e3, 2.5E-1]", [1, -2, 0.5, 5.0, 31, -171, 1000.0, 0.25]),
        ("[Infinity, -Infinity, +Infinity]", [math.inf, -math.inf, math.inf]),
        ("/* a */ [ // b\n 1 /* c\n c */ , /**/ 2 ] // d", [1, 2]),
        ("'it''s'".replace("''", "\\'"), "it's"),
        (r'"C:\\xampp \\u0041"', r"C:\xampp \u0041"),
        (r'"\b\f\n\r\t\v\0\x41\u00e9\/\q"', "\b\f\n\r\t\v\0Aé/q"),
        (r'"\ud83d\ude00"', "😀"),
        ('"one\\\ntwo\\\r\nthree\\\u2028four"', "onetwothreefour"),
        ('"a\u2028b\tc"', "a\u2028b\tc"),
        ("\u00a0\ufeff\u2003\u2029[\v\f]", []),
        ("{}", {}),
        ('{"__proto__": {"a": 1}}', {"__proto__": {"a": 1}}),
    ],
)
def test_json5_is_read(text: str, value: object) -> None:
    assert read(text) == value


def test_nan_is_a_number() -> None:
    value = read("NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("»", "the file is empty; write {} for a configuration without settings, or delete it"),
        ("» // only a comment", "the file is empty"),
        ("»{a: 1", "this { is never closed"),
        ("{a: »[1, 2", "this [ is never closed"),
        ("{a: »{b", "this { is never closed"),
        ("{a: »{b:", "this { is never closed"),
        ("{a: 1,\n b: »}", "a value is missing: here stands `}`"),
        ("{a: 1\n »b: 2}", "a comma or } is missing: here stands `b`"),
        ("[1 »2]", "a comma or ] is missing: here stands `2`"),
        ("[1»}", "a comma or ] is missing: here stands `}`"),
        ("{a: 1}»}", "nothing may follow the end of the configuration, but here stands `}`"),
        ("{a: 1,»,}", "a key is missing: here stands `,`"),
        ("{»1a: 1}", "a key that begins with a digit needs quotes"),
        ("{lm»-studio: {}}", "a colon is missing after the key `lm`: here stands `-`; a key with such a character"),
        ("{a »= 1}", "a colon is missing after the key `a`: here stands `=`"),
        ("{a: »org/name}", "`org` is no value; text needs quotes"),
        ("{a: »True}", "`True` is no value (did you mean true?); text needs quotes"),
        ("{a: »#1}", "a value is missing: here stands `#` (comments begin with //)"),
        ("{a: 1, »/* b }", "this comment has no closing */"),
        ("{»/ b: 1}", "a key is missing: here stands `/`"),
        ('{a: »"b\n}', 'this string has no closing " on its line'),
        ("{a: »'b", "this string has no closing ' on its line"),
        ('{a: "b»\\', "the file ends inside a string"),
        ('{a: "»\\xg1"}', "\\x needs two hexadecimal digits"),
        ('{a: "b»\\u12"}', "\\u needs four hexadecimal digits"),
        ('{a: "»\\1"}', "\\1 is no escape; write a backslash as \\\\"),
        ('{a: "»\\01"}', "\\0 is no escape"),
        ('{a: »"\\ud83d"}', "this string has half of a character"),
        ("{a: »012}", "`012` is no number: a number cannot begin with 0"),
        ("{a: »1.2.3}", "`1.2.3` is no number; text needs quotes"),
        ("{a: »127.0.0.1:8000}", "`127.0.0.1` is no number; text needs quotes"),
        ("{a: »0x}", "`0x` is no number"),
        ("{a: »-}", "`-` is no number"),
        ("{a: »" + "1a" * 40 + "}", "`" + "1a" * 15 + "…` is no number"),
        ("{a: »" + "9" * (MAX_DIGITS + 1) + "}", f"this number has more than {MAX_DIGITS} digits"),
        ("{a: »\x00}", "a value is missing: here stands the character U+0000"),
        ("[" * (MAX_NESTING + 1) + "»[", f"values are nested more than {MAX_NESTING} deep here"),
    ],
)
def test_a_syntax_mistake_has_line_column_and_a_plain_sentence(text: str, sentence: str, marked: Split) -> None:
    text, line, column = marked(text)
    node, (problem,) = parse(Source(Path("f"), text))
    assert node is None
    assert (problem.line, problem.column) == (line, column)
    assert problem.message.startswith(sentence)


@pytest.mark.parametrize("text", ["{a: 1, »a: 2}", "{a: {b: 1,\n »'b': 2}}", '[{"a": 1,\n\n »a: 2}]'])
def test_a_key_that_stands_twice_is_a_mistake_at_the_second_one(text: str, marked: Split) -> None:
    text, line, column = marked(text)
    node, (problem,) = parse(Source(Path("f"), text))
    assert node is not None
    assert (problem.severity, problem.line, problem.column) == ("error", line, column)
    assert "stands here again, after line 1" in problem.message


def test_several_double_keys_are_all_told() -> None:
    _, problems = parse(Source(Path("f"), "{a: 1, a: 2, a: 3}"))
    assert [problem.column for problem in problems] == [8, 14]


DOCUMENT = """// before
{
  models: { 'mode': "merge", }, /* between */
  list: [1, -2.5, 0x10, true, null, "x\\u00e9\\n"],
}
// after
"""


@pytest.mark.parametrize("length", range(len(DOCUMENT) - len("}\n// after\n")))
def test_a_text_cut_anywhere_is_a_mistake_inside_of_it_and_nothing_worse(length: int) -> None:
    cut = DOCUMENT[:length]
    node, (problem,) = parse(Source(Path("f"), cut))
    assert node is None
    assert 1 <= problem.line <= cut.count("\n") + 1
    assert problem.column >= 1


@given(st.text(alphabet="{}[]:,\"'\\/*# \n\r0x1e.+-aNu\u2028", max_size=30))
def test_any_text_is_either_read_or_has_a_mistake_in_it(text: str) -> None:
    node, problems = parse(Source(Path("f"), text))
    assert node is not None or len(problems) == 1
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in problems)


@pytest.mark.parametrize("text", ["/*" + "\n" * 50_000, "{a: '" + "\\\n" * 50_000, "[" + "/**/ " * 50_000])
def test_an_endless_comment_or_string_takes_no_time(text: str) -> None:
    node, problems = parse(Source(Path("f"), text))  # a parser that tries again at every line would never return
    assert node is None
    assert problems


def test_every_value_knows_its_span() -> None:
    text = '{ a: [1, "two"], b: {c: null} }'
    root, _ = parse(Source(Path("f"), text))
    assert isinstance(root, Object)
    spans = {
        (): text,
        ("a",): '[1, "two"]',
        ("a", 0): "1",
        ("a", 1): '"two"',
        ("b",): "{c: null}",
        ("b", "c"): "null",
    }
    for path, expected in spans.items():
        node = at(root, path)
        assert isinstance(node, Scalar | Array | Object)
        assert text[node.start : node.end] == expected
    assert [text[member.start : member.end] for member in root.members] == ["a", "b"]


@pytest.mark.parametrize("path", [("c",), ("a", 2), ("a", "0"), ("b", 0), ("a", 0, "x")])
def test_a_path_into_nothing_finds_nothing(path: tuple[str | int, ...]) -> None:
    root, _ = parse(Source(Path("f"), '{ a: [1, "two"], b: {c: null} }'))
    assert at(root, path) is None
