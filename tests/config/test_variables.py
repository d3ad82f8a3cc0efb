"""`${NAME}` in texts: filled from the environment, never by nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.config.variables import Filled, fill, provide
from fluffbuzz.core.credential import Secret

from .conftest import Folder

ENV = {"A": "one", "B_2": "two", "_C": "three", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", Filled("plain")),
        ("${A}", Filled("one")),
        ("x${A}y${B_2}z${_C}", Filled("xoneytwozthree")),
        ("$${A}", Filled("${A}")),
        ("$$${A}", Filled("$${A}")),
        ("$A $ ${} ${a} ${A B} ${1A}", Filled("$A $ ${} ${a} ${A B} ${1A}")),
        ("${NONE}-${A}", Filled("${NONE}-one", ("NONE",))),
        ("${EMPTY}", Filled("${EMPTY}", ("EMPTY",))),
        ("${NONE} ${OTHER} ${NONE}", Filled("${NONE} ${OTHER} ${NONE}", ("NONE", "OTHER"))),
    ],
)
def test_variables_are_put_in(text: str, filled: Filled) -> None:
    assert fill(text, ENV) == filled


@given(st.text())
def test_a_value_is_put_in_as_it_is(value: str) -> None:
    assert fill("<${A}>", {"A": value}).text == (f"<{value}>" if value else "<${A}>")


@pytest.mark.parametrize(
    ("values", "env", "provided"),
    [
        ({"A": "file"}, {}, {"A": "file"}),
        ({"A": "file"}, {"A": "env"}, {"A": "env"}),
        ({"A": "file"}, {"A": ""}, {"A": "file"}),
        ({"A": "${B}!", "B": "${C}", "C": "c"}, {}, {"A": "c!", "B": "c", "C": "c"}),
        ({"A": "${A}"}, {}, {}),
        ({"A": "${B}", "B": "${A}", "C": "c"}, {}, {"C": "c"}),
        ({"A": "${NONE}"}, {"A": ""}, {"A": ""}),
    ],
)
def test_the_configuration_provides_what_the_environment_lacks(
    values: dict[str, str], env: dict[str, str], provided: dict[str, str]
) -> None:
    assert provide(values, env) == provided


def test_what_lacks_a_variable_stays_visible_and_says_so_to_whoever_needs_it(folder: Folder) -> None:
    config = folder.load(
        """{models: {providers: {here: {
          baseUrl: "http://${HOST}:8000/v1", apiKey: "$KEY", headers: {"X-A": "${KEY}"},
          models: [{id: "${MODEL}", params: {stop: ["${STOP}"]}}],
        }}}}""",
        {"MODEL": ""},
    )
    here = config.providers["here"]
    assert here.base_url == "http://${HOST}:8000/v1"
    assert here.api_key == Secret("${KEY}")
    assert here.unavailable == {
        "baseUrl": ("HOST",),
        "apiKey": ("KEY",),
        "headers.X-A": ("KEY",),
        "models[0].id": ("MODEL",),
        "models[0].params.stop[0]": ("STOP",),
    }
    assert len(config.warnings) == 5


def test_a_whole_secret_may_name_its_variable_without_braces(folder: Folder) -> None:
    text = "{models: {providers: {here: {models: [], apiKey: '$KEY', headers: {'X-A': '$KEY', 'X-B': '$KEY!'}}}}}"
    here = folder.load(text, {"KEY": "k"}).providers["here"]
    assert here.api_key == Secret("k")
    assert here.headers == {"X-A": Secret("k"), "X-B": Secret("$KEY!")}


def test_a_value_from_the_environment_is_checked_like_a_written_one(folder: Folder) -> None:
    text = "{models: {mode: '${MODE}', providers: {mine: {baseUrl: '${URL}', models: [], apiKey: '${KEY}'}}}}"
    folder.load(text, {"MODE": "replace", "URL": "http://h/v1", "KEY": "k"})
    problems = folder.errors(text, {"MODE": "x", "URL": "h", "KEY": "k\n"})
    assert [problem.key_path.rpartition(".")[2] for problem in problems] == ["mode", "baseUrl", "apiKey"]


def test_nothing_is_looked_for_in_what_is_not_built(folder: Folder) -> None:
    (warning,) = folder.load("{gateway: {auth: {token: '${TOKEN}'}}}").warnings
    assert warning.key_path == "gateway"


def test_a_file_whose_env_is_something_else_is_told_once(folder: Folder) -> None:
    for text in ("{env: 5}", "{env: {vars: 5}}", "{env: {vars: {A: 5}}}"):
        (problem,) = folder.errors(text)
        assert problem.message == "found a number"
