"""The table of settings: whole, and the same in every form in which it is given away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluffbuzz.config.checking import Checker
from fluffbuzz.config.json_schema import DRAFT, json_schema
from fluffbuzz.config.keys import TABLE
from fluffbuzz.config.problems import InvalidConfig
from fluffbuzz.config.reference import render_reference
from fluffbuzz.config.rules import grow, nearest, rule_at, rules
from fluffbuzz.config.schema import Anything, Key, Number, Record, Standing, Text, describe
from fluffbuzz.config.syntax import parse
from fluffbuzz.config.tree import Source, plain
from fluffbuzz.core.models import Compat

from .conftest import Folder

COMPAT = "models.providers.*.models[].compat."


def test_every_row_is_there_once_and_says_what_it_means() -> None:
    assert len({key.path for key in TABLE}) == len(TABLE)
    for key in TABLE:
        assert key.doc.endswith("."), key.path
        assert "|" not in key.doc + key.instead, f"{key.path} would break a Markdown table"
        assert bool(key.instead) == (key.standing is Standing.REFUSED), key.path


def test_every_row_can_be_reached_from_the_root() -> None:
    for key in TABLE:
        steps = [0 if step == "[]" else step for step in key.path.replace("[]", ".[]").split(".")]
        rule = rule_at(tuple(steps))
        assert rule
        assert rule.key == key


def test_the_compat_flags_that_are_built_are_those_that_something_acts_on() -> None:
    flags = {key.path.removeprefix(COMPAT): key for key in TABLE if key.path.startswith(COMPAT)}
    assert len(flags) == 35
    for name, key in flags.items():
        acted_on = Compat.from_config({name: "x"}) != Compat()
        assert acted_on == (key.standing is Standing.BUILT), name


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Number(), "a number"),
        (Number(least=0), "a number, 0 or more"),
        (Number(above=0, whole=True), "a whole number above 0"),
        (Text(choices=("a",)), '"a"'),
        (Text(choices=("a", "b", "c")), '"a", "b" or "c"'),
        (Record(), "an object"),
    ],
)
def test_kinds_are_described_in_words(kind: Number | Text | Record, words: str) -> None:
    assert describe(kind) == words


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("MODELS", "models"),
        ("modell", "models"),
        ("history", "chat.history"),
        ("id", "models.providers.*.models[].id"),
        ("params", ""),
        ("xyzzy", ""),
    ],
)
def test_the_nearest_key_is_found_whatever_its_case_or_place(name: str, near: str) -> None:
    assert nearest(name, rules()) == near


def test_the_reference_has_every_row_in_the_table_of_its_standing() -> None:
    text = render_reference()
    built, ignored, refused = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    tables = {Standing.BUILT: built, Standing.IGNORED: ignored, Standing.REFUSED: refused}
    for key in TABLE:
        for standing, table in tables.items():
            assert (f"| `{key.path}` |" in table) == (standing is key.standing)
    assert "| `embedded.idleMinutes` | a number above 0 | `10` | " in built
    assert "Secret." in next(line for line in built.splitlines() if ".apiKey`" in line)


def accepts(schema: dict[str, Any], value: object, root: dict[str, Any]) -> bool:
    """What a JSON Schema validator would say; only of the words that our schema uses."""
    unknown = schema.keys() - {
        *("$schema", "$defs", "$ref", "title", "description", "default", "type", "enum", "anyOf", "not", "pattern"),
        *("properties", "additionalProperties", "required", "items", "minItems", "minLength"),
        *("minimum", "exclusiveMinimum"),
    }
    assert not unknown, "this test has to learn the word"
    if "$ref" in schema:
        return accepts(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)
    if "not" in schema:
        return not accepts(schema["not"], value, root)
    return (
        _has_type(schema.get("type"), value)
        and ("enum" not in schema or value in schema["enum"])
        and ("anyOf" not in schema or any(accepts(one, value, root) for one in schema["anyOf"]))
        and (not isinstance(value, str) or bool(re.search(schema.get("pattern", ""), value)))
        and (not isinstance(value, str) or len(value) >= schema.get("minLength", 0))
        and (not isinstance(value, list) or len(value) >= schema.get("minItems", 0))
        and (not isinstance(value, list) or all(accepts(schema.get("items", {}), item, root) for item in value))
        and (not _is_number(value) or value >= schema.get("minimum", value))  # type: ignore[operator]  # just checked
        and (not _is_number(value) or value > schema.get("exclusiveMinimum", value - 1))  # type: ignore[operator]  # same
        and (not isinstance(value, dict) or _has_members(schema, value, root))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has_type(name: str | None, value: object) -> bool:
    match name:
        case None:
            return True
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return _is_number(value)
        case "integer":
            return _is_number(value) and value == int(value)  # type: ignore[call-overload]  # a number by the first half
        case _:
            raise AssertionError(name)


def _has_members(schema: dict[str, Any], value: dict[str, object], root: dict[str, Any]) -> bool:
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    return all(name in value for name in schema.get("required", [])) and all(
        accepts(known[name], item, root)
        if name in known
        else (rest is not False and (rest is True or accepts(rest, item, root)))
        for name, item in value.items()
    )


CANDIDATES: list[tuple[tuple[str | int, ...], list[object]]] = [
    (("models", "mode"), ["merge", "replace", "x", 5, None, "${MODE}"]),
    (("models", "providers", "here", "baseUrl"), ["http://h/v1", "HTTPS://h", "h", "", 5, "http://a b", "http://u@h"]),
    (("models", "providers", "here", "apiKey"), ["k", "", " k", "a b", 5]),
    (("models", "providers", "here", "api"), ["openai-completions", "ollama", "nonsense"]),
    (("models", "providers", "here", "headers"), [{}, {"X": "y"}, {"X": ""}, []]),
    (("models", "providers", "here", "timeoutSeconds"), [5]),
    (("models", "providers", "here", "region"), ["x", 5]),
    (("models", "providers", "here", "request"), [{}, {"tls": {"ca": "f"}}, {"tls": {"cert": "f"}}, {"proxy": {}}, 5]),
    (("models", "providers", "here", "params"), [{}, {"a": [1, None]}, [], 5]),
    (
        ("models", "providers", "here", "models"),
        [[], [{"id": "m"}], [{}], [{"id": ""}], [{"id": "m", "cost": {"input": -1}}], [{"id": "m", "input": ["text"]}]],
    ),
    (("models", "providers", "here", "maxTokens"), [1, 0, -1, 1.5, 2.0, "1"]),
    (("agents", "defaults", "model"), ["here/m", "", {"primary": "a"}, {"fallbacks": [""]}, {"x": 1}, 5]),
    (("agents", "defaults", "models"), [{"here/m": {}}, {"here/m": {"alias": "a"}}, {"here/m": {"alias": ""}}, []]),
    (("chat", "history"), [True, False, 1, None]),
    (("embedded", "idleMinutes"), [1, 0.5, 0, "1"]),
    (("env", "vars"), [{"A": "b"}, {"A": 1}, []]),
    (("gateway",), [{}, 5, None]),
    (("unknown",), [1]),
    (("$schema",), ["x", 5]),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(CANDIDATES).flatmap(lambda c: st.tuples(st.just(c[0]), st.sampled_from(c[1])))))
def test_the_json_schema_accepts_what_loads_and_refuses_what_does_not(
    chosen: list[tuple[tuple[str, ...], object]], folder: Folder
) -> None:
    tree: dict[str, Any] = {}
    for path, value in chosen:
        place = tree
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    schema = json_schema()
    try:
        folder.load(json.dumps(tree))
    except InvalidConfig:
        loads = False
    else:
        loads = True
    assert accepts(schema, tree, schema) == loads


def test_the_json_schema_is_of_the_draft_it_names_and_can_be_printed() -> None:
    schema = json_schema()
    assert schema["$schema"] == DRAFT == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


def test_a_key_of_any_value_takes_any() -> None:
    root = grow([Key("any", Anything(), "Whatever.")])
    schema = json_schema(root)
    for text in ("5", "{a: [1]}", "null"):
        node, _ = parse(Source(Path("f"), f"{{any: {text}}}"))
        assert node
        checker = Checker({})
        assert checker.check(node, root) == node
        assert checker.problems == []
        assert accepts(schema, plain(node), schema)
    assert describe(Anything()) == "any value"


def test_the_json_schema_knows_includes_and_references_to_secrets() -> None:
    schema = json_schema()
    row = {"$include": ["a.json5", "b.json5"]}
    provider = {"$include": "p.json5", "models": [row], "apiKey": {"source": "env", "provider": "p", "id": "K"}}
    assert accepts(schema, {"$include": "x.json5", "models": {"providers": {"here": provider}}}, schema)
    assert accepts(schema, {"models": {"providers": {"here": {"models": {"$include": "m.json5"}}}}}, schema)
    assert not accepts(schema, {"$include": []}, schema)
    assert not accepts(schema, {"$include": ""}, schema)
