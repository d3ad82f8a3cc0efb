"""The retry policy as one pure function: what is done after a call."""

from __future__ import annotations

import pytest

from fluffbuzz.core.failover import Answered, Failed, Option, Progress, Start, Stop, advance, begin
from fluffbuzz.core.failure import Failure, FailureKind

USAGE_REFUSED = Failed(Failure(FailureKind.OPTION_REFUSED, "stream_options"))
WITHOUT = frozenset({Option.STREAM_OPTIONS})


def test_the_first_call_asks_for_everything():
    assert begin() == (Progress(), Start(frozenset()))


def test_what_an_endpoint_is_known_to_refuse_is_left_out_from_the_first_call():
    assert begin(WITHOUT) == (Progress(WITHOUT), Start(WITHOUT))


@pytest.mark.parametrize("progress", [Progress(), Progress(WITHOUT), Progress(is_visible=True, calls=3)])
def test_an_answer_ends_it(progress: Progress):
    after, action = advance(progress, Answered())
    assert action == Stop()
    assert after.calls == progress.calls + 1


def test_a_refused_option_is_left_out_and_the_same_is_asked_once_more():
    progress, action = advance(Progress(), USAGE_REFUSED)
    assert action == Start(WITHOUT)
    assert progress == Progress(WITHOUT, calls=1)


def test_a_second_refusal_is_told():
    progress, _ = advance(Progress(), USAGE_REFUSED)
    assert advance(progress, USAGE_REFUSED) == (Progress(WITHOUT, calls=2), Stop(USAGE_REFUSED.failure))


def test_nothing_is_asked_anew_once_the_reader_has_seen_something():
    progress = Progress(is_visible=True)
    assert advance(progress, USAGE_REFUSED)[1] == Stop(USAGE_REFUSED.failure)


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - {FailureKind.OPTION_REFUSED}))
@pytest.mark.parametrize("is_visible", [True, False])
def test_every_other_failure_is_told_as_it_is(kind: FailureKind, is_visible: bool):
    failure = Failure(kind, "why")
    assert advance(Progress(is_visible=is_visible), Failed(failure))[1] == Stop(failure)


@pytest.mark.parametrize("kind", FailureKind)
def test_whatever_fails_there_are_two_calls_at_the_most(kind: FailureKind):
    progress, action = begin()
    calls = 0
    while isinstance(action, Start):
        calls += 1
        progress, action = advance(progress, Failed(Failure(kind, "why")))
    assert calls <= 2
    assert progress.calls == calls


def test_having_been_seen_stays():
    seen = Progress(WITHOUT, calls=1).seen()
    assert seen == Progress(WITHOUT, is_visible=True, calls=1)
    assert seen.seen() is seen
