"""One service, however many want it: started, shared, replaced, ended; the real process around a scripted engine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from tests.adapters.embedded.box import PATIENCE, SCRIPT, Box
from tests.adapters.embedded.sources import CONTENT, KNOWN

from fluffbuzz.adapters.embedded import state
from fluffbuzz.adapters.embedded.locks import holding
from fluffbuzz.adapters.embedded.weights import installed
from fluffbuzz.core.errors import FluffBuzzError

pytestmark = pytest.mark.anyio

HERE = str(Path(__file__).parents[3])
IDLE = 0.2
"""Seconds until a service that a test watches is idle."""

BRIEF = 0.3
"""Seconds of a limit that a test waits for."""

ONE_OF_MANY = dedent("""
    import asyncio, os, sys
    from fluffbuzz.adapters.embedded import launcher
    from pathlib import Path
    found = asyncio.run(launcher.ensure_running(Path(sys.argv[1]), os.environ, command=sys.argv[2:]))
    print(found.pid, found.base_url)
""")


async def one_of_many(box: Box) -> asyncio.subprocess.Process:
    """A process of its own that wants the service."""
    arguments = (sys.executable, "-c", ONE_OF_MANY, str(box.path), *box.command)
    return await asyncio.create_subprocess_exec(*arguments, env=box.env, cwd=HERE, stdout=asyncio.subprocess.PIPE)


async def test_the_first_one_starts_it_and_the_next_ones_share_it(box: Box) -> None:
    first = await box.ensure_running()
    assert first == await box.ensure_running()
    assert (first.pid, first.model, first.window) == (box.pid, KNOWN.model, 4096)
    assert first.base_url.startswith("http://127.0.0.1:")
    assert first.base_url.endswith("/v1")
    assert box.count("starts") == 1


async def test_ten_processes_at_once_start_one(box: Box) -> None:
    processes = await asyncio.gather(*(one_of_many(box) for _ in range(10)))
    said = await asyncio.gather(*(process.communicate() for process in processes))
    assert {process.returncode for process in processes} == {0}
    assert len({out for out, _ in said}) == 1
    assert box.count("starts") == 1


async def test_it_belongs_to_nobody_who_started_it(box: Box) -> None:
    await box.ensure_running()
    parent = Path(f"/proc/{box.pid}/stat").read_text("ascii").rpartition(")")[2].split()[1]
    assert int(parent) != os.getpid()
    assert os.getpgid(box.pid) != os.getpgid(0)


async def test_the_key_is_in_a_private_file_and_nowhere_else(box: Box) -> None:
    running = await box.ensure_running()
    key = running.api_key.reveal()
    assert len(key) >= 32
    assert box.layout.service_state.stat().st_mode & 0o777 == 0o600
    assert box.path.stat().st_mode & 0o777 == 0o700
    process = Path(f"/proc/{box.pid}")
    for place in (process / "cmdline", process / "environ", box.layout.service_log):
        assert key.encode() not in place.read_bytes()
    assert key not in repr(running)


async def test_every_start_makes_a_new_key(box: Box) -> None:
    first = await box.ensure_running()
    await box.stop()
    assert (await box.ensure_running()).api_key != first.api_key


async def test_a_killed_service_is_replaced_and_its_old_state_not_believed(box: Box) -> None:
    first = await box.ensure_running()
    box.kill()
    await box.until_gone()
    assert state.read(box.layout) == first
    assert not (await box.status()).is_running
    second = await box.ensure_running()
    assert second.pid != first.pid
    assert box.count("starts") == 2


async def test_a_service_that_does_not_say_that_it_is_well_is_replaced(box: Box) -> None:
    first = await box.ensure_running()
    box.tell("sick")
    starting = asyncio.create_task(box.ensure_running(health=BRIEF))
    await box.until(lambda: not box.layout.service_state.exists())
    box.forget("sick")
    assert (await starting).pid != first.pid


async def test_a_service_of_another_version_is_replaced(box: Box) -> None:
    first = await box.ensure_running()
    state.publish(box.layout, replace(first, version="0.0.0"))
    assert (await box.ensure_running()).pid != first.pid


async def test_a_service_of_other_weights_is_replaced(box: Box) -> None:
    first = await box.ensure_running()
    box.put_weights(CONTENT + b"more")
    second = await box.ensure_running()
    assert second.pid != first.pid
    weights = installed(box.layout)
    assert weights is not None
    assert second.weights == weights.sha256


async def test_without_weights_the_next_step_is_told(box: Box) -> None:
    box.layout.weights_record.unlink()
    with pytest.raises(FluffBuzzError) as caught:
        await box.ensure_running()
    assert "fluffbuzz embedded pull" in caught.value.next_step
    assert not box.is_alive()


async def test_a_service_that_dies_while_starting_tells_its_last_words_at_once(box: Box) -> None:
    box.tell("crash", "the file is no model")
    with pytest.raises(FluffBuzzError) as caught:
        await box.ensure_running()
    assert "did not start" in caught.value.message
    assert caught.value.message.endswith("RuntimeError: the file is no model")
    assert "Traceback" in caught.value.detail
    assert str(box.layout.service_log) in caught.value.next_step


async def test_the_words_of_an_earlier_start_are_not_quoted(box: Box) -> None:
    box.tell("crash", "first")
    with pytest.raises(FluffBuzzError):
        await box.ensure_running()
    box.tell("crash", "second")
    with pytest.raises(FluffBuzzError) as caught:
        await box.ensure_running()
    assert "first" not in caught.value.detail


async def test_a_missing_system_library_is_named_with_the_package_that_has_it(box: Box) -> None:
    box.tell("crash", "libgomp.so.1: cannot open shared object file: No such file or directory")
    with pytest.raises(FluffBuzzError) as caught:
        await box.ensure_running()
    assert "libgomp.so.1" in caught.value.next_step
    assert "apt install libgomp1" in caught.value.next_step


async def test_a_service_that_is_never_ready_is_ended_and_told(box: Box) -> None:
    box.tell("slow")
    with pytest.raises(FluffBuzzError, match="was not ready within"):
        await box.ensure_running(start=BRIEF)
    await box.until_gone()


async def test_who_is_cancelled_while_it_starts_leaves_it_to_the_next_one(box: Box) -> None:
    box.tell("slow")
    impatient = asyncio.create_task(box.ensure_running())
    await box.until(lambda: box.count("starts") == 1)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    box.forget("slow")
    assert (await box.ensure_running()).pid == box.pid
    assert box.count("starts") == 1


async def test_who_is_killed_while_it_starts_leaves_it_to_the_next_one(box: Box) -> None:
    box.tell("slow")
    starter = await one_of_many(box)
    await box.until(lambda: box.count("starts") == 1)
    starter.kill()
    await starter.communicate()
    waiting = asyncio.create_task(box.ensure_running())
    box.forget("slow")
    assert (await waiting).pid == box.pid
    assert box.count("starts") == 1


async def test_stopping_ends_it_and_leaves_no_state(box: Box) -> None:
    await box.ensure_running()
    assert await box.stop()
    assert not box.is_alive()
    assert not box.layout.service_state.exists()
    assert not await box.stop()


async def test_stopping_where_nothing_ever_was_makes_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    from fluffbuzz.adapters.embedded import launcher

    assert not await launcher.stop(tmp_path / "none")
    assert not (tmp_path / "none").exists()


async def test_stopping_lets_a_running_answer_end_while_nobody_finds_the_service_any_more(box: Box) -> None:
    await box.ensure_running()
    box.tell("busy")
    stopping = asyncio.create_task(box.stop())
    await box.until(lambda: not box.layout.service_state.exists())
    assert box.is_alive()
    box.forget("busy")
    assert await stopping
    assert not box.is_alive()


async def test_a_service_that_does_not_listen_is_killed(box: Box) -> None:
    box.tell("stubborn")
    await box.ensure_running()
    assert await box.stop(stop=BRIEF)
    assert not box.is_alive()


async def test_a_signal_from_outside_ends_it_cleanly(box: Box) -> None:
    await box.ensure_running()
    os.kill(box.pid, signal.SIGTERM)
    await box.until_gone()
    assert not box.layout.service_state.exists()


async def test_it_ends_by_itself_when_it_has_been_idle(box: Box) -> None:
    await box.ensure_running(idle_seconds=IDLE)
    await box.until_gone()
    assert not box.layout.service_state.exists()
    assert (await box.ensure_running()).pid == box.pid


async def test_a_running_answer_is_never_cut_by_idleness(box: Box) -> None:
    box.tell("busy")
    await box.ensure_running(idle_seconds=IDLE)
    await box.until(lambda: box.count("looks") > 30)
    assert box.is_alive()
    box.forget("busy")
    await box.until_gone()


async def test_it_does_not_leave_while_somebody_is_looking_for_it(box: Box) -> None:
    box.tell("busy")
    await box.ensure_running(idle_seconds=IDLE)
    async with holding(box.layout.launch_lock, PATIENCE):
        box.forget("busy")
        looked = box.count("looks")
        await box.until(lambda: box.count("looks") > looked + 30)
        assert box.is_alive()
    await box.until_gone()


async def test_looking_at_it_changes_nothing(box: Box) -> None:
    before = await box.status()
    assert (before.weights, before.state, before.is_running, before.is_well) == (
        installed(box.layout),
        None,
        False,
        False,
    )
    running = await box.ensure_running()
    used = box.layout.used.stat().st_mtime_ns
    during = await box.status()
    assert (during.state, during.is_running, during.is_well) == (running, True, True)
    assert box.layout.used.stat().st_mtime_ns == used
    box.tell("sick")
    assert not (await box.status()).is_well


async def test_only_one_service_lives_even_if_two_are_started_by_hand(box: Box) -> None:
    await box.ensure_running()
    arguments = ("--data-dir", str(box.path), "--idle-seconds", "600")
    second = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), *arguments, env=box.env, stderr=asyncio.subprocess.PIPE
    )
    _, told = await second.communicate()
    assert b"Another service is running." in told
    assert (await box.status()).is_well
