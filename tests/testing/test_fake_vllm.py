"""The fake vLLM answers as the recorded one did: same statuses, same bodies, same events, and counters that add up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
import pytest
from tests.recorded import Recording, load

from fluffbuzz.adapters.http import HttpTransport
from fluffbuzz.core.deadlines import Deadlines
from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.core.events import Event, ReplyFailed, ReplyStarted, UsageReported
from fluffbuzz.core.usage import ServerUsage
from fluffbuzz.ports import HttpRequest
from fluffbuzz.runtime.exchange import read_bounded
from fluffbuzz.testing import EngineDeath, FakeServer, FakeVllm, Pause, count_prompt
from fluffbuzz.wire.openai_chat_reply import ChatDecoder
from fluffbuzz.wire.openai_models import decode_models

pytestmark = pytest.mark.anyio

PATIENT = Deadlines(10.0, 10.0, 10.0)
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
USER = {"role": "user", "content": "What is the capital of France? One word."}


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    async with HttpTransport() as made:
        yield made


async def ask(transport: HttpTransport, server: FakeServer, method: str, path: str, body: Any = None) -> Recording:
    """What the server answers, in the shape of a recording."""
    content = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"authorization": "Bearer right"} if body is not None else {}
    request = HttpRequest(method, server.origin + path, headers, content)
    async with transport.open(request, PATIENT) as answer:
        got = await read_bounded(answer, 1_000_000)
        return Recording(path, answer.status, dict(answer.headers), (got,), {})


async def replay(transport: HttpTransport, server: FakeServer, recorded: Recording) -> Recording:
    """The answer to the very request that a recording answers."""
    request = recorded.request
    return await ask(transport, server, request["method"], request["path"], request["body"])


def fake(**facts: Any) -> FakeServer:
    return FakeServer.vllm(models=[ServedModel(MODEL, 4096)], **facts)


def events(recorded: Recording) -> list[Event]:
    """What a stream tells, but for names and the size of the prompt, which every server chooses itself."""
    decoder = ChatDecoder()
    return [_comparable(event) for event in (*decoder.feed(recorded.body), *decoder.close())]


def _comparable(event: Event) -> Event:
    match event:
        case ReplyStarted():
            return ReplyStarted()
        case UsageReported(usage):
            return UsageReported(ServerUsage(output=usage.output))
        case _:
            return event


@pytest.mark.parametrize(
    "name",
    [
        "models_missing_v1",
        "error_unknown_model",
        "error_prompt_over_window",
        "error_max_tokens_over_window",
        "error_tools_without_parser",
        "error_image_to_text_model",
        "health",
        "version",
    ],
)
async def test_plain_answers_are_the_recorded_ones(transport: HttpTransport, name: str) -> None:
    recorded = load(f"vllm-0.32/plain/{name}")
    async with fake() as server:
        answer = await replay(transport, server, recorded)
    assert (answer.status, answer.body) == (recorded.status, recorded.body)


@pytest.mark.parametrize(
    "name", ["chat_stream_usage", "chat_stream_continuous_usage", "chat_stream_no_usage", "chat_stream_length"]
)
async def test_streams_tell_what_the_recorded_ones_tell(transport: HttpTransport, name: str) -> None:
    recorded = load(f"vllm-0.32/plain/{name}")
    async with fake() as server:
        answer = await replay(transport, server, recorded)
    assert answer.headers["content-type"] == recorded.headers["content-type"]
    assert events(answer) == events(recorded)


async def test_a_dead_engine_fails_as_recorded(transport: HttpTransport) -> None:
    died = load("vllm-0.32/failures/engine_died_mid_stream")
    after = [load(f"vllm-0.32/failures/after_engine_death_{what}") for what in ("chat", "health", "models")]
    async with fake(answer=["The", EngineDeath(), " end"]) as server:
        last = events(await replay(transport, server, died))[-1]
        assert isinstance(last, ReplyFailed)
        assert last == events(died)[-1]
        answers = [await replay(transport, server, recorded) for recorded in after]
    assert [answer.status for answer in answers] == [recorded.status for recorded in after]
    assert answers[0].body == after[0].body


async def test_an_unstreamed_answer_is_one_document(transport: HttpTransport) -> None:
    recorded = load("vllm-0.32/plain/chat")
    async with fake() as server:
        answer = await replay(transport, server, recorded)
    got, expected = orjson.loads(answer.body), orjson.loads(recorded.body)
    assert set(got) <= set(expected)
    assert got["choices"][0]["message"]["content"] == expected["choices"][0]["message"]["content"]
    assert got["usage"]["completion_tokens"] == expected["usage"]["completion_tokens"]


async def test_models_are_listed_as_recorded(transport: HttpTransport) -> None:
    recorded = load("vllm-0.32/plain/models")
    async with fake() as server:
        answer = await ask(transport, server, "GET", "/v1/models")
    assert decode_models(answer.body) == decode_models(recorded.body)
    assert set(orjson.loads(answer.body)["data"][0]) <= set(orjson.loads(recorded.body)["data"][0])


async def test_an_adapter_has_no_window_of_its_own(transport: HttpTransport) -> None:
    async with FakeServer.vllm(models=["base", ServedModel("lora", parent="base")]) as server:
        rows = decode_models((await ask(transport, server, "GET", "/v1/models")).body)
    assert [(row.id, row.window, row.is_window_inherited) for row in rows] == [
        ("base", 4096, False),
        ("lora", 4096, True),
    ]


async def test_the_key_guards_v1_alone(transport: HttpTransport) -> None:
    recorded = load("vllm-0.32/plain/models_no_key")
    async with fake(api_key="right") as server:
        refused = await ask(transport, server, "GET", "/v1/models")
        assert (refused.status, refused.body) == (recorded.status, recorded.body)
        assert (await ask(transport, server, "GET", "/v1/models", {})).status == 200
        assert (await ask(transport, server, "GET", "/metrics")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/v1/models", {}, 405, b'{"detail":"Method Not Allowed"}'),
        ("POST", "/v1/chat/completions", b"no json", 400, b"json_invalid"),
        ("POST", "/v1/chat/completions", {"model": MODEL}, 400, b"body.messages"),
        (
            "POST",
            "/v1/chat/completions",
            {"model": MODEL, "messages": [], "stream_options": {}},
            400,
            b"stream_options",
        ),
    ],
)
async def test_bad_requests_are_refused(
    transport: HttpTransport, method: str, path: str, body: Any, status: int, words: bytes
) -> None:
    async with fake() as server:
        answer = await ask(transport, server, method, path, body)
    assert answer.status == status
    assert words in answer.body


async def test_an_older_server_refuses_stream_options(transport: HttpTransport) -> None:
    async with fake(refuses_stream_options=True) as server:
        answer = await replay(transport, server, load("vllm-0.32/plain/chat_stream_usage"))
    assert (answer.status, orjson.loads(answer.body)["error"]["param"]) == (400, "stream_options")


async def test_thinking_comes_before_the_answer_and_cached_tokens_are_told(transport: HttpTransport) -> None:
    async with fake(thinking=["Hm."], answer=["Paris"], cached=32) as server:
        answer = await replay(transport, server, load("vllm-0.32/plain/chat_stream_usage"))
    assert b'"reasoning":"Hm."' in answer.body
    assert b'"cached_tokens":32' in answer.body


async def test_a_half_written_answer_is_continued(transport: HttpTransport) -> None:
    messages = [USER, {"role": "assistant", "content": "The capital"}]
    body = {"model": MODEL, "messages": messages, "stream": True, "continue_final_message": True}
    async with fake() as server:
        answer = await ask(transport, server, "POST", "/v1/chat/completions", body)
    assert b'"content":" of"' in answer.body
    assert b'"content":" capital"' not in answer.body


async def test_an_answer_may_depend_on_the_request(transport: HttpTransport) -> None:
    def parrot(body: Any) -> list[str]:
        return [str(body["messages"][-1]["content"])]

    async with fake(answer=parrot) as server:
        answer = await replay(transport, server, load("vllm-0.32/plain/chat"))
    assert orjson.loads(answer.body)["choices"][0]["message"]["content"] == USER["content"]


class TestMetrics:
    async def test_count_what_answers_used(self, transport: HttpTransport) -> None:
        async with fake() as server:
            for _ in range(3):
                await replay(transport, server, load("vllm-0.32/plain/chat_stream_usage"))
            told = (await ask(transport, server, "GET", "/metrics")).body.decode()
        label = f'{{engine="0",model_name="{MODEL}"}}'
        assert f"vllm:prompt_tokens_total{label} {3.0 * count_prompt([USER])}\n" in told
        assert f"vllm:generation_tokens_total{label} 24.0\n" in told
        assert 'vllm:request_success_total{finished_reason="stop",' in told

    async def test_count_an_abandoned_answer_as_far_as_it_went(self, transport: HttpTransport) -> None:
        vllm = FakeVllm(models=[MODEL], answer=["The", " capital", Pause(), " of"])
        body = {"model": MODEL, "messages": [USER], "stream": True}
        async with FakeServer(responder=vllm) as server:
            request = HttpRequest("POST", f"{server.base_url}/chat/completions", {}, orjson.dumps(body))
            async with transport.open(request, PATIENT) as answer, aclosing(answer.chunks()) as chunks:
                received = b""
                while b"capital" not in received:
                    received += await anext(chunks)
            await server.requests[0].ended.wait()
        assert (vllm.generation_tokens, vllm.ended["abort"], vllm.ended["stop"]) == (2, 1, 0)
