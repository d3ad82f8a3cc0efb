"""Paths to settings, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.config.keypath import parse, render
from fluffbuzz.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("chat", ("chat",)),
        ("models.providers.here.models[0].id", ("models", "providers", "here", "models", 0, "id")),
        (
            'agents.defaults.models["here/org/name-1.5"].alias',
            ("agents", "defaults", "models", "here/org/name-1.5", "alias"),
        ),
        ("agents.defaults.models['here/a'].alias", ("agents", "defaults", "models", "here/a", "alias")),
        ("agents.defaults.models[here/a.b].alias", ("agents", "defaults", "models", "here/a.b", "alias")),
        ("agents.defaults.models.here/*", ("agents", "defaults", "models", "here/*")),
        ('a["x\\"y\\\\z"]', ("a", 'x"y\\z')),
        ('a[""]["0"][0][12]', ("a", "", "0", 0, 12)),
        ('["a"].b', ("a", "b")),
        ("$include[1]", ("$include", 1)),
        ("models.providers.my-server", ("models", "providers", "my-server")),
    ],
)
def test_a_path_is_read(text: str, path: tuple[str | int, ...]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (".a", ".a"),
        ("a..b", "..b"),
        ("a.", "."),
        ("a.[0]", ".[0]"),
        ("a[0]b", "b"),
        ("a[", "["),
        ("a[]", "[]"),
        ("a]", "]"),
        ('a["b]', '["b]'),
        ('a"b"', '"b"'),
        ("a[99999999999999999999999]x", "x"),
        ('a["b\nc"]', '["b\nc"]'),
        ('a["\\xg"]', '["\\xg"]'),
    ],
)
def test_a_path_that_cannot_be_read_says_from_where_on(text: str, rest: str) -> None:
    with pytest.raises(UsageError, match="cannot be read from") as caught:
        parse(text)
    assert caught.value.message == f"The path `{text}` cannot be read from `{rest}` on."
    assert caught.value.exit_code == 2


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(UsageError, match="path to the setting is empty"):
        parse("")


@given(st.lists(st.text() | st.integers(0, 999_999_999), min_size=1).map(tuple))
def test_every_path_is_read_as_it_is_written(path: tuple[str | int, ...]) -> None:
    assert parse(render(path)) == path
