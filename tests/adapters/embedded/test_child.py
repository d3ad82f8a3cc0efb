"""The child process that fetches: bounded in time, in output and in life."""

from __future__ import annotations

import sys

import pytest

from fluffbuzz.adapters.embedded import child

pytestmark = pytest.mark.anyio


async def run(program: str, stall_seconds: float = 30.0) -> child.Finished:
    return await child.run([sys.executable, "-c", program], {}, lambda line: line != "hidden", stall_seconds)


async def test_lines_that_were_taken_in_are_not_part_of_the_output() -> None:
    assert await run("print('shown'); print('hidden'); print('also shown')") == child.Finished(0, "shown\nalso shown")


async def test_errors_are_part_of_the_output_and_of_the_status() -> None:
    finished = await run("import sys; print('last words', file=sys.stderr); sys.exit(3)")
    assert finished == child.Finished(3, "last words")


async def test_only_the_end_of_much_output_is_kept() -> None:
    finished = await run(f"for n in range({child.KEPT_LINES + 5}): print(n)")
    assert finished.output.splitlines()[0] == "5"


async def test_a_line_beyond_every_bound_does_not_stop_the_reading() -> None:
    finished = await run(f"print('x' * {child.MAX_LINE * 3}); print('after')")
    assert finished.output.splitlines()[-1] == "after"
    assert len(finished.output) < child.MAX_LINE * 3


async def test_a_child_that_says_nothing_is_ended() -> None:
    with pytest.raises(child.Stalled):
        await run("import time; time.sleep(1000)", stall_seconds=0.05)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET http://me:pass@host/simple", "GET http://***@host/simple"),
        ("GET https://token@host/simple", "GET https://***@host/simple"),
        ("at https://host/file?X-Signature=abc&x=1 now", "at https://host/file?*** now"),
        ("mail me@host, see https://host/a@b", "mail me@host, see https://host/a@b"),
    ],
)
def test_what_is_secret_in_urls_is_not_shown(text: str, shown: str) -> None:
    assert child.without_secrets(text) == shown
