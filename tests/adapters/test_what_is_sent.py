"""What leaves this machine, byte for byte: exactly the headers and body fields that are documented, nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from fluffbuzz.adapters.http import HttpTransport
from fluffbuzz.core.credential import Credential, CredentialSource, Secret
from fluffbuzz.core.discovery import Outcome
from fluffbuzz.core.endpoint import Candidate, Endpoint
from fluffbuzz.core.messages import system, user
from fluffbuzz.core.models import Model, ModelRef
from fluffbuzz.core.request import ChatRequest, Sampling, Tool
from fluffbuzz.core.route import route_of
from fluffbuzz.core.session import CallOutcome
from fluffbuzz.providers import find
from fluffbuzz.runtime.discovery import discover
from fluffbuzz.runtime.engine import Engine
from fluffbuzz.runtime.services import Service
from fluffbuzz.testing import FakeClock, FakeServer, MemoryCatalogStore, ReceivedRequest

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_proxies")]

KEY = Credential(Secret("s3cret"), CredentialSource.ENVIRONMENT, "VLLM_API_KEY")
HELLO = ChatRequest((user("Hello"),))

CHAT_HEADERS = ["host", "accept", "content-type", "authorization", "content-length"]
LOOK_HEADERS = ["host", "accept", "authorization"]

NEVER = ["store", "service_tier", "prompt_cache_key", "reasoning_effort", "strict", "user", "metadata"]


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer.vllm() as made:
        yield made


def service_at(server: FakeServer, provider: str = "vllm", headers: Mapping[str, str] | None = None) -> Service:
    secrets = {name: Secret(value) for name, value in (headers or {}).items()}
    endpoint = Endpoint(provider, server.base_url, route_of(server.base_url), secrets)
    return Service(find(provider), endpoint, KEY, discovers=True)


async def ask(service: Service, request: ChatRequest = HELLO, model: Model | None = None) -> None:
    """Have a request answered over a real socket."""
    chosen = model or Model(ModelRef(service.id, "org/small"), "small")
    async with HttpTransport() as transport:
        engine = Engine(transport, MemoryCatalogStore(), FakeClock())
        async with engine.reply(request, Candidate(chosen, service.endpoint, KEY), service.provider) as stream:
            async for _ in stream:
                pass
            assert [call.outcome for call in stream.calls] == [CallOutcome.ANSWERED]


async def look(service: Service) -> None:
    """Ask for the models over a real socket."""
    async with HttpTransport() as transport:
        assert (await discover(service, transport, FakeClock())).outcome is Outcome.FOUND


def names_of(request: ReceivedRequest) -> list[str]:
    return [name.lower() for name, _ in request.headers]


async def test_a_question_carries_exactly_these_headers(server: FakeServer) -> None:
    await ask(service_at(server))
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert names_of(request) == CHAT_HEADERS
    assert request.header("host") == f"127.0.0.1:{server.port}"
    assert request.header("accept") == "application/json, text/event-stream"
    assert request.header("content-type") == "application/json"
    assert request.header("authorization") == "Bearer s3cret"


async def test_a_look_at_the_models_carries_exactly_these_headers(server: FakeServer) -> None:
    await look(service_at(server))
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("GET", "/v1/models", b"")
    assert names_of(request) == LOOK_HEADERS
    assert request.header("authorization") == "Bearer s3cret"


async def test_without_a_key_no_authorization_is_sent(server: FakeServer) -> None:
    await look(replace(service_at(server), credential=None))
    assert names_of(server.requests[0]) == ["host", "accept"]


async def test_a_question_to_vllm_carries_exactly_these_fields(server: FakeServer) -> None:
    await ask(service_at(server))
    assert server.requests[0].json == {
        "model": "org/small",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }


@pytest.mark.parametrize("provider", ["sglang", "lmstudio", "llamacpp", "ollama", "embedded", "some-proxy"])
async def test_other_servers_are_asked_for_usage_but_not_for_it_all_the_time(server: FakeServer, provider: str) -> None:
    await ask(service_at(server, provider))
    assert server.requests[0].json["stream_options"] == {"include_usage": True}


async def test_sampling_values_are_sent_as_the_user_set_them(server: FakeServer) -> None:
    sampling = Sampling(temperature=0.0, top_p=0.9, max_tokens=12, seed=7, stop=("END",))
    await ask(service_at(server), ChatRequest((system("Be brief."), user("Hello")), sampling))
    sent = server.requests[0].json
    assert {key: sent[key] for key in ("temperature", "top_p", "max_tokens", "seed", "stop")} == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 12,
        "seed": 7,
        "stop": ["END"],
    }
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]


async def test_what_only_openai_understands_is_withheld_even_when_configured(server: FakeServer) -> None:
    thinker = Model(ModelRef("vllm", "org/small"), "small", reasoning=True)
    extra: dict[str, Any] = {**dict.fromkeys(NEVER[:4], "x"), "top_k": 5}
    tool = Tool("look_up", parameters={"type": "object"}, strict=True)
    request = ChatRequest((system("Be brief."), user("Hello")), tools=(tool,), tool_choice="none", extra=extra)
    await ask(service_at(server), request, thinker)
    sent = server.requests[0].json
    assert set(sent) == {"model", "messages", "stream", "stream_options", "tools", "tool_choice", "top_k"}
    assert sent["messages"][0]["role"] == "system"
    assert "strict" not in sent["tools"][0]["function"]
    assert not any(f'"{name}":'.encode() in server.requests[0].body for name in NEVER)


async def test_a_configured_authorization_replaces_ours(server: FakeServer) -> None:
    service = service_at(server, headers={"Authorization": "Basic dXNlcjpwYXNz", "X-Team": "blue"})
    await ask(service)
    await look(service)
    for request in server.requests:
        assert request.header("authorization") == "Basic dXNlcjpwYXNz"
        assert request.header("x-team") == "blue"
        assert names_of(request).count("authorization") == 1
        assert b"s3cret" not in request.head


async def test_headers_of_a_model_row_go_with_its_questions(server: FakeServer) -> None:
    row = Model(ModelRef("vllm", "org/small"), "small", headers={"X-Queue": Secret("slow")})
    await ask(service_at(server), model=row)
    assert server.requests[0].header("x-queue") == "slow"


async def test_nothing_tells_which_program_asks(server: FakeServer) -> None:
    await ask(service_at(server))
    await look(service_at(server))
    for request in server.requests:
        sent = request.head.lower() + orjson.dumps(request.body.decode()).lower()
        assert not [word for word in (b"fluff", b"python", b"httpx", b"agent", b"stainless", b"openai") if word in sent]
