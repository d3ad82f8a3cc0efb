"""The fake clock: time passes when a test says so, and everybody wakes at exactly their time."""

from __future__ import annotations

import asyncio

import pytest

from fluffbuzz.testing import FakeClock

pytestmark = pytest.mark.anyio


async def test_both_times_advance_together() -> None:
    clock = FakeClock(now=1000.0)
    await clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (1002.5, 2.5)


async def test_a_sleeper_wakes_when_its_time_has_come_and_not_before() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(10.0))
    await clock.advance(9.9)
    assert (task.done(), clock.sleepers) == (False, 1)
    await clock.advance(0.1)
    assert (task.done(), clock.sleepers) == (True, 0)


async def test_sleepers_wake_in_order_each_at_its_own_time() -> None:
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper(name, seconds)) for name, seconds in (("b", 2), ("a", 1), ("c", 2))]
    await clock.advance(5.0)
    await asyncio.gather(*tasks)
    assert woken == [("a", 1.0), ("b", 2.0), ("c", 2.0)]


async def test_one_that_sleeps_in_a_loop_wakes_as_often_as_in_real_life() -> None:
    clock = FakeClock()
    times: list[float] = []

    async def ticking() -> None:
        while True:
            await clock.sleep(1.0)
            times.append(clock.monotonic())

    task = asyncio.create_task(ticking())
    await clock.advance(3.5)
    assert times == [1.0, 2.0, 3.0]
    task.cancel()


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await clock.advance(0.5)
    task.cancel()
    await clock.advance(1.0)
    assert clock.sleepers == 0


async def test_no_time_at_all_lets_others_run_and_returns() -> None:
    clock = FakeClock()
    await clock.sleep(0)
    assert clock.monotonic() == 0.0


def test_a_jump_moves_time_where_nobody_sleeps() -> None:
    clock = FakeClock(now=5.0)
    clock.jump(-1.0)
    assert clock.now() == 4.0
