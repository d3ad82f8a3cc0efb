"""Names of sessions: short, sortable, and forgiving to whoever types them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.adapters.sqlite import SqliteSessionStore, open_database
from fluffbuzz.adapters.sqlite.session_ids import as_written, session_id
from fluffbuzz.core.errors import StorageError, UsageError

TIMES = st.floats(0, 30_000_000_000)
CHANCES = st.binary(min_size=2, max_size=2)


@given(TIMES, CHANCES)
def test_a_name_is_twelve_characters_without_look_alikes(now: float, chance: bytes) -> None:
    name = session_id(now, chance)
    assert len(name) == 12
    assert set(name) <= set("0123456789abcdefghjkmnpqrstvwxyz")
    assert as_written(name) == name


@given(TIMES, TIMES, CHANCES, CHANCES)
def test_names_sort_by_creation(one: float, other: float, chance: bytes, other_chance: bytes) -> None:
    if int(one * 1000) < int(other * 1000):
        assert session_id(one, chance) < session_id(other, other_chance)


def test_a_session_is_found_by_its_name_by_a_beginning_and_as_people_write_it(
    store: SqliteSessionStore, run: Any
) -> None:
    first, second = run(store.create()), run(store.create())
    assert first.id < second.id
    assert run(store.find(first.id)) == first
    assert run(store.find(f" {second.id.upper()} ")) == second
    assert run(store.find(second.id.replace("0", "O").replace("1", "l"))) == second
    different = next(place for place in range(12) if first.id[place] != second.id[place])
    assert run(store.find(second.id[: different + 1])) == second


def test_a_beginning_of_several_is_refused_with_their_names(store: SqliteSessionStore, run: Any) -> None:
    ids = [run(store.create()).id for _ in range(3)]
    with pytest.raises(UsageError, match=f"begin with '{ids[0][:4]}': {ids[0]}, {ids[1]} and more") as caught:
        run(store.find(ids[0][:4]))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text", ["", "  ", "zzzzzzzzzzzz", "%", "_", "'; DROP TABLE sessions; --", "東京", "0" * 500, "\udcff"]
)
def test_what_names_no_session_finds_none(store: SqliteSessionStore, run: Any, text: str) -> None:
    run(store.create())
    assert run(store.find(text)) is None


def test_two_sessions_of_the_same_millisecond_get_two_names(run: Any) -> None:
    chances = iter([b"12345678", b"\x00\x01", b"\x00\x01", b"\x00\x02"])  # the first is the owner's
    store = SqliteSessionStore(open_database(None, now=lambda: 1.0, token=lambda _: next(chances)))
    names = {run(store.create()).id, run(store.create()).id}
    assert len(names) == 2
    run(store.close())


def test_without_any_chance_it_gives_up_instead_of_trying_for_ever(run: Any) -> None:
    store = SqliteSessionStore(open_database(None, now=lambda: 1.0, token=bytes))
    run(store.create())
    with pytest.raises(StorageError, match="no free name"):
        run(store.create())
    run(store.close())
