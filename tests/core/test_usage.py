"""Token counts that say how they are known."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.usage import (
    UNKNOWN,
    ZERO,
    Count,
    CountKind,
    ServerUsage,
    Usage,
    estimated,
    exact,
    settle,
    total,
)

COUNTS = st.builds(Count, st.integers(0, 10**9), st.sampled_from(CountKind))
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (exact(0), "0"),
        (exact(1234567), "1,234,567"),
        (estimated(0), "~0"),
        (estimated(4096), "~4,096"),
        (UNKNOWN, "unknown"),
        (Count(1234, CountKind.UNKNOWN), "≥ 1,234"),
    ],
)
def test_a_count_shows_how_it_is_known_and_an_unknown_one_is_never_zero(count: Count, shown: str):
    assert str(count) == shown


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((exact(1), exact(2)), exact(3)),
        ((exact(1), estimated(2)), estimated(3)),
        ((exact(5), UNKNOWN), Count(5, CountKind.UNKNOWN)),
        ((estimated(5), UNKNOWN), Count(5, CountKind.UNKNOWN)),
        ((exact(1), estimated(2), UNKNOWN), Count(3, CountKind.UNKNOWN)),
    ],
)
def test_a_sum_is_known_as_badly_as_its_worst_part_in_any_order(counts: tuple[Count, ...], expected: Count):
    for ordered in permutations(counts):
        assert sum(ordered[1:], start=ordered[0]) == expected


@given(COUNTS, COUNTS, COUNTS)
def test_counts_add_up_in_any_grouping(a: Count, b: Count, c: Count):
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + exact(0) == a


def test_usages_add_up_count_by_count():
    first, second = Usage(exact(1), exact(2), exact(3), exact(4)), Usage(exact(10), estimated(20), UNKNOWN, exact(0))
    assert total([first, second]) == Usage(exact(11), estimated(22), Count(3, CountKind.UNKNOWN), exact(4))


@given(st.lists(USAGES))
def test_the_total_of_any_usages_is_the_sum_of_each_of_their_counts(usages: list[Usage]):
    found = total(usages)
    for name in ("input", "output", "cached", "reasoning"):
        parts = [getattr(usage, name) for usage in usages]
        assert getattr(found, name) == sum(parts, start=exact(0))


@given(st.lists(USAGES), st.integers(0, 20))
def test_a_total_is_the_same_however_the_turns_are_grouped(usages: list[Usage], cut: int):
    assert total([total(usages[:cut]), total(usages[cut:])]) == total(usages)


def test_the_total_of_nothing_is_an_exact_zero():
    assert total([]) == ZERO == Usage(exact(0), exact(0), exact(0), exact(0))


def test_the_context_is_prompt_and_answer_of_one_call():
    assert Usage(exact(40), estimated(8), exact(32), exact(5)).context == estimated(48)
    assert Usage().context == UNKNOWN


FULL = ServerUsage(input=40, output=8, cached=32, reasoning=5)


@pytest.mark.parametrize(
    ("report", "thought", "is_final", "expected"),
    [
        (None, False, True, Usage()),
        (None, True, False, Usage()),
        (FULL, True, True, Usage(exact(40), exact(8), exact(32), exact(5))),
        (FULL, True, False, Usage(exact(40), estimated(8), exact(32), estimated(5))),
        (ServerUsage(40, 8), False, True, Usage(exact(40), exact(8))),
        (ServerUsage(40, None), False, False, Usage(exact(40))),
        (ServerUsage(None, 8), False, True, Usage(output=exact(8))),
        (ServerUsage(40, 8, 0, 0), False, True, Usage(exact(40), exact(8), exact(0), exact(0))),
        (ServerUsage(40, 8, 0, 0), True, True, Usage(exact(40), exact(8), exact(0), UNKNOWN)),
        (ServerUsage(40, 8, None, None), True, True, Usage(exact(40), exact(8))),
    ],
)
def test_the_usage_of_a_call_is_what_its_server_said_last(
    report: ServerUsage | None, thought: bool, is_final: bool, expected: Usage
):
    assert settle(report, thought=thought, is_final=is_final) == expected
