"""When a service is idle, and what its counters say of that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fluffbuzz.adapters.embedded.idle import Activity, IdleWatch
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.llama import MAX_THREADS, read_metrics, threads
from fluffbuzz.adapters.embedded.service import look

QUIET, BUSY, LATER = Activity(False, (1.0,)), Activity(True, (1.0,)), Activity(False, (2.0,))

METRICS = """\
# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed, excluding cached tokens
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 52
llamacpp:tokens_predicted_total 500
llamacpp:predicted_tokens_seconds 23.2194
llamacpp:requests_processing {processing}
llamacpp:requests_deferred {deferred}
"""


@pytest.mark.parametrize(
    ("looks", "is_over"),
    [
        ([(0, QUIET), (9, QUIET)], False),
        ([(0, QUIET), (10, QUIET)], True),
        ([(0, QUIET), (9, BUSY), (10, QUIET)], False),
        ([(0, QUIET), (9, BUSY), (19, QUIET)], True),
        ([(0, QUIET), (100, BUSY)], False),
        ([(0, QUIET), (9, LATER), (18, LATER)], False),
        ([(0, QUIET), (9, LATER), (19, LATER)], True),
        ([(0, QUIET), (100, LATER)], False),
    ],
    ids=[
        "not long enough",
        "long enough",
        "an answer was running",
        "long enough since it was seen running",
        "an answer is running, however long",
        "something was answered between two looks",
        "long enough since then",
        "something was answered since the last look, however long ago that was",
    ],
)
def test_idleness_is_counted_from_the_last_sign_of_life(looks: list[tuple[float, Activity]], is_over: bool) -> None:
    watch = IdleWatch(limit=10, since=0)
    for now, activity in looks:
        watch = watch.observe(now, activity)
    assert watch.is_over(looks[-1][0]) is is_over


@pytest.mark.parametrize(("processing", "deferred", "is_busy"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_a_request_that_runs_or_waits_makes_a_server_busy(processing: int, deferred: int, is_busy: bool) -> None:
    activity = read_metrics(METRICS.format(processing=processing, deferred=deferred))
    assert activity.is_busy is is_busy


def test_only_counters_are_marks_for_averages_change_by_themselves() -> None:
    assert read_metrics(METRICS.format(processing=0, deferred=0)).marks == (52.0, 500.0)


class Still:
    origin, window = "", 0

    def activity(self) -> Activity:
        return QUIET


def test_asking_for_the_service_is_a_sign_of_life_though_the_server_hears_nothing_of_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    never = look(layout, Still())
    layout.used.touch()
    once = look(layout, Still())
    os.utime(layout.used, ns=(1, 1))
    assert len({never.marks, once.marks, look(layout, Still()).marks}) == 3


@pytest.mark.parametrize(("processors", "expected"), [(1, 1), (2, 1), (4, 3), (64, MAX_THREADS)])
def test_one_processor_is_left_to_the_user(processors: int, expected: int) -> None:
    assert threads(processors) == expected
