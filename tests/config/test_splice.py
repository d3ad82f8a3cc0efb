"""Changes to a text: what was asked for, and every other character as it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.config.keypath import parse as parse_path
from fluffbuzz.config.splice import set_value, unset_value
from fluffbuzz.config.syntax import parse
from fluffbuzz.config.tree import Array, KeyPath, Node, Object, Scalar, Source, at, plain
from fluffbuzz.core.errors import UsageError


def tree(text: str) -> Node:
    node, problems = parse(Source(Path("f"), text))
    assert node is not None, problems
    return node


SETS = [
    # a value in its place
    ("{a: 1, // one\n b: 2}", "a", 5, "{a: 5, // one\n b: 2}"),
    ("{a: 'x' /* c */}", "a", "y", '{a: "y" /* c */}'),
    ("{a: [1, 2]}", "a[1]", 3, "{a: [1, 3]}"),
    ("{a: 0x10}", "a", 16, "{a: 0x10}"),
    ("{a: 1}", "a", True, "{a: true}"),
    ("{a: 1}", "a", 1.0, "{a: 1.0}"),
    ("{a: [1]}", "a", [True], "{a: [true]}"),
    ("{a: 1}", "a", None, "{a: null}"),
    ("{\n  a: {x: 1},\n}", "a", {"y": 2}, "{\n  a: {y: 2},\n}"),
    ("{\n  a: {\n    x: 1,\n  },\n}", "a", {"y": {"z": 2}}, "{\n  a: {\n    y: {\n      z: 2,\n    },\n  },\n}"),
    ("{\n  a: 1,\n}", "a", {"x": 1, "y": []}, "{\n  a: {\n    x: 1,\n    y: [],\n  },\n}"),
    ('{\n\t"a": 1\n}', "a", {"x": 1}, '{\n\t"a": {\n\t\t"x": 1\n\t}\n}'),
    ("{\n  a: [],\n}", "a", [{"b": [1]}], "{\n  a: [\n    {\n      b: [1],\n    },\n  ],\n}"),
    ("{a: 1}", "a", {"b": {"c": 1}}, "{a: {b: {c: 1}}}"),
    # a new key
    ("{}", "a", 1, "{\n  a: 1,\n}"),
    ("{ }", "a", 1, "{\n  a: 1,\n}"),
    ("{\n}\n", "a", 1, "{\n  a: 1,\n}\n"),
    ("{ // c\n}", "a", 1, "{ // c\n  a: 1,\n}"),
    ("{ /* c */ }", "a", 1, "{ /* c */\n  a: 1,\n}"),
    ("{a: 1}", "b", 2, "{a: 1, b: 2}"),
    ("{a: 1,}", "b", 2, "{a: 1, b: 2,}"),
    ("{ a: 1 /* c */ }", "b", 2, "{ a: 1 /* c */, b: 2 }"),
    ("{a: {}}", "a.b", 2, "{a: {b: 2}}"),
    ('{"a": 1}', "b", 2, '{"a": 1, "b": 2}'),
    ("{'a': 1}", "b", 2, "{'a': 1, \"b\": 2}"),
    ("{\n  a: 1\n}", "b", 2, "{\n  a: 1,\n  b: 2\n}"),
    ("{\n  a: 1,\n}", "b", 2, "{\n  a: 1,\n  b: 2,\n}"),
    ("{\n  a: 1 // one\n}", "b", 2, "{\n  a: 1, // one\n  b: 2\n}"),
    ("{\n  a: 1, // one\n  // more\n}", "b", 2, "{\n  a: 1, // one\n  b: 2,\n  // more\n}"),
    ("{\n  a: 1, /* x */ /* y\n  y */ // z\n}", "b", 2, "{\n  a: 1, /* x */ /* y\n  y */ // z\n  b: 2,\n}"),
    ("{\n  a: 1 // one\n  , // two\n}", "b", 2, "{\n  a: 1 // one\n  , // two\n  b: 2,\n}"),
    ("{\r\n  a: 1,\r\n}", "b", {"c": 1}, "{\r\n  a: 1,\r\n  b: {\r\n    c: 1,\r\n  },\r\n}"),
    ("{ a: 1,\n  b: 2 }", "c", 3, "{ a: 1,\n  b: 2,\n  c: 3 }"),
    ("{\n    a: {\n        b: 1,\n    },\n}", "a.c", 2, "{\n    a: {\n        b: 1,\n        c: 2,\n    },\n}"),
    ("{\n  a: {},\n}", "a.b", 1, "{\n  a: {\n    b: 1,\n  },\n}"),
    ("{\n  a: { b: 1 },\n}", "a.c", {"d": 2}, "{\n  a: { b: 1, c: {d: 2} },\n}"),
    ("{\n  x: { a: 1, b: 2,\n  },\n}", "x.c", 3, "{\n  x: { a: 1, b: 2,\n    c: 3,\n  },\n}"),
    # with all that is missing on the way
    ("{\n}", "a.b[0].c", 1, "{\n  a: {\n    b: [\n      {\n        c: 1,\n      },\n    ],\n  },\n}"),
    ("{a: [1]}", "a[1]", 2, "{a: [1, 2]}"),
    ("{a: []}", "a[0]", {"b": 1}, "{a: [{b: 1}]}"),
    ("{\n  a: [\n    1\n  ]\n}", "a[1]", 2, "{\n  a: [\n    1,\n    2\n  ]\n}"),
    # keys and texts that need quotes
    ("{a: 1}", '["x.y"]', "it's", '{a: 1, "x.y": "it\'s"}'),
    ("{a: 1}", "b", 'a "q" \u2028 \\ ü \n', '{a: 1, b: "a \\"q\\" \\u2028 \\\\ ü \\n"}'),
    ("{a: 1}", "b", [float("inf"), float("-inf")], "{a: 1, b: [Infinity, -Infinity]}"),
    ("{a: 1}", "b", float("nan"), "{a: 1, b: NaN}"),
]


@pytest.mark.parametrize(("text", "path", "value", "result"), SETS)
def test_set_changes_what_it_should_and_nothing_else(text: str, path: str, value: object, result: str) -> None:
    assert set_value(tree(text), parse_path(path), value) == result


UNSETS = [
    ("{a: 1}", "a", "{}"),
    ("{ a: 1 }", "a", "{}"),
    ("{a: 1, b: 2}", "a", "{b: 2}"),
    ("{a: 1, b: 2}", "b", "{a: 1}"),
    ("{a: 1, b: 2,}", "b", "{a: 1,}"),
    ("{ a: 1, b: 2 }", "b", "{ a: 1 }"),
    ("{a: 1, /* c */ b: 2}", "b", "{a: 1 /* c */}"),
    ("{a: [1, 2, 3]}", "a[1]", "{a: [1, 3]}"),
    ("{a: [1, 2, 3]}", "a[2]", "{a: [1, 2]}"),
    ("{\n  a: 1,\n  b: 2,\n}", "a", "{\n  b: 2,\n}"),
    ("{\n  a: 1,\n  b: 2\n}", "b", "{\n  a: 1\n}"),
    ("{\n  a: 1, // one\n  b: 2\n}", "b", "{\n  a: 1 // one\n}"),
    ("{\n  a: 1, // one\n  b: 2, // two\n}", "a", "{\n  b: 2, // two\n}"),
    ("{\n  // about a\n  a: 1,\n  b: 2,\n}", "a", "{\n  // about a\n  b: 2,\n}"),
    ("{\n  a: 1, /* long\n  */\n  b: 2,\n}", "a", "{\n  /* long\n  */\n  b: 2,\n}"),
    ("{\n  a: 1, b: 2,\n  c: 3,\n}", "b", "{\n  a: 1,\n  c: 3,\n}"),
    ("{\n  a: 1, b: 2, // two\n  c: 3,\n}", "b", "{\n  a: 1, // two\n  c: 3,\n}"),
    ("{ a: 1,\n  b: 2 }", "b", "{ a: 1\n }"),
    ("{ a: 1,\n  b: 2 }", "a", "{\n  b: 2 }"),
    ("{\r\n  a: 1,\r\n  b: 2,\r\n}", "a", "{\r\n  b: 2,\r\n}"),
    ("{\n  a: {\n    b: 1,\n  },\n}", "a.b", "{\n  a: {\n  },\n}"),
    ("{\n  a: {\n    b: 1,\n  },\n}", "a", "{\n}"),
]


@pytest.mark.parametrize(("text", "path", "result"), UNSETS)
def test_unset_takes_the_entry_its_comma_and_its_line(text: str, path: str, result: str) -> None:
    changed = unset_value(tree(text), parse_path(path))
    assert changed == result
    assert tree(changed)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("list[3]", "list has 2 entries, so [3] cannot be set."),
        ("list.x", "list is a list, so `x` cannot be set in it."),
        ("object[0]", "object is an object, so [0] cannot be set in it."),
        ("text.x", "text is a single value, so nothing can be set in it."),
        ("text[0]", "text is a single value, so nothing can be set in it."),
        ("new[1].x", "There is no list at new yet, so [1] cannot be set."),
        ("object.new.newer[2]", "There is no list at object.new.newer yet, so [2] cannot be set."),
    ],
)
def test_a_path_through_something_else_is_refused(path: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        set_value(tree("{list: [1, 2], object: {a: 1}, text: 'x'}"), parse_path(path), 1)
    assert caught.value.message == sentence
    assert caught.value.next_step


# Any text of any layout, with comments wherever they may stand.

SPACES = st.sampled_from(["", " ", "\n", "\n  ", " /* c */ ", " // line\n", "\t", "/* two\n lines */", "\r\n  "])
NAMES = st.sampled_from(["a", "b", "c", "key", "d e", "x.y"])
SCALARS = st.sampled_from(["1", "-2.5", "true", "null", "'s'", '"t // no comment"', "0x1F", "'/* nor this */'"])


@st.composite
def texts(draw: st.DrawFn, depth: int = 0) -> str:
    """JSON5 text of an object (at the top) or any value."""
    kind = 0 if depth == 0 else draw(st.integers(0, 2 if depth < 3 else 3) | st.just(3))
    if kind >= 2:
        return draw(SCALARS)
    entries = [draw(texts(depth + 1)) for _ in range(draw(st.integers(0, 3)))]
    if kind == 0:
        names = draw(st.lists(NAMES, min_size=len(entries), max_size=len(entries), unique=True))
        bare = draw(st.booleans())
        keys = [name if bare and name.isalnum() else f'"{name}"' for name in names]
        entries = [f"{key}{draw(SPACES)}:{draw(SPACES)}{value}" for key, value in zip(keys, entries, strict=True)]
    body = ",".join(f"{draw(SPACES)}{entry}{draw(SPACES)}" for entry in entries)
    comma = draw(st.sampled_from(["", ",", ",\n", ", // end\n"])) if entries else draw(SPACES)
    return f"{'{['[kind]}{body}{comma}{'}]'[kind]}"


def every_path(node: Node, path: KeyPath = ()) -> list[KeyPath]:
    match node:
        case Scalar():
            return [path]
        case Array(items=items):
            return [path, *(p for i, item in enumerate(items) for p in every_path(item, (*path, i)))]
        case Object(members=members):
            return [path, *(p for member in members for p in every_path(member.value, (*path, member.name)))]


def comments(text: str) -> list[str]:
    tokens = re.findall(r"\"[^\"]*\"|'[^']*'|//[^\n\r]*|/\*[\s\S]*?\*/", text)
    return [token for token in tokens if token.startswith("/")]


def is_woven(part: str, whole: str) -> bool:
    """Whether `whole` is `part` with nothing but insertions."""
    rest = iter(whole)
    return all(sign in rest for sign in part if not sign.isspace())


values = st.sampled_from([7, "text", False, None, [], {}, [1, "x"], {"n": 1}, {"n": {"m": [{"o": 2}]}}, 1.5])


def with_value(tree_: object, path: KeyPath, value: object) -> object:
    """What `set` means, on ordinary values."""
    if not path:
        return value
    step, *rest = path
    if isinstance(tree_, list):
        assert isinstance(step, int)
        inner = tree_[step] if step < len(tree_) else None
        return [*tree_[:step], with_value(inner, tuple(rest), value), *tree_[step + 1 :]]
    old = tree_ if isinstance(tree_, dict) else {}
    return {**old, str(step): with_value(old.get(str(step)), tuple(rest), value)}


@given(texts(), st.data())
def test_setting_what_is_there_changes_exactly_its_span(text: str, data: st.DataObject) -> None:
    root = tree(text)
    path = data.draw(st.sampled_from([p for p in every_path(root) if p] or [("new",)]))
    value = data.draw(values)
    changed = set_value(root, path, value)
    assert repr(plain(tree(changed))) == repr(with_value(plain(root), path, value))
    node = at(root, path)
    if node is not None:
        assert changed.startswith(text[: node.start])
        assert changed.endswith(text[node.end :])
        assert comments(text[: node.start]) + comments(text[node.end :]) == comments(changed) or changed == text


@given(texts(), st.data())
def test_setting_what_is_new_only_adds_and_keeps_every_comment(text: str, data: st.DataObject) -> None:
    root = tree(text)
    path = data.draw(st.sampled_from([p for p in every_path(root) if not isinstance(at(root, p), Scalar)]))
    container = at(root, path)
    new: KeyPath = (*path, len(container.items)) if isinstance(container, Array) else (*path, "new key", "deeper")
    value = data.draw(values)
    changed = set_value(root, new, value)
    assert repr(plain(tree(changed))) == repr(with_value(plain(root), new, value))
    assert is_woven(text, changed)
    assert comments(changed) == comments(text)
    assert set_value(tree(changed), new, value) == changed, "setting it again changes nothing"
    assert plain(tree(unset_value(tree(changed), new[: len(path) + 1]))) == plain(root)


@given(texts(), st.data())
def test_unsetting_takes_one_entry_and_leaves_all_others(text: str, data: st.DataObject) -> None:
    root = tree(text)
    paths = [p for p in every_path(root) if p]
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    changed = tree(unset_value(root, path))
    container, left = at(root, path[:-1]), at(changed, path[:-1])
    assert container is not None
    assert left is not None
    expected = plain(container)
    assert isinstance(expected, dict | list)
    del expected[path[-1]]  # type: ignore[arg-type]  # a name leads into an object, a position into a list
    assert repr(plain(left)) == repr(expected)
    assert repr(plain(changed)) == repr(with_value(plain(root), path[:-1], expected))
