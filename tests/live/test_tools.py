"""Tools through the Python interface, and what is told of a server that was not started for them."""

from __future__ import annotations

import asyncio
import json
from typing import NamedTuple

from tests.live.program import Program
from tests.live.servers import StartMortal, VllmServer

from fluffbuzz.adapters.http import HttpTransport
from fluffbuzz.app import open_app, place
from fluffbuzz.core.errors import RequestFailed
from fluffbuzz.core.events import Event, ReplyFailed, ReplyFinished, ToolCallDelta
from fluffbuzz.core.failure import FailureKind
from fluffbuzz.core.messages import Message, Role, ToolResult, user
from fluffbuzz.core.reply import Reply
from fluffbuzz.core.request import ChatRequest, Sampling, Tool
from fluffbuzz.core.usage import exact
from fluffbuzz.runtime.engine import Engine
from fluffbuzz.runtime.explanation import explain_failure

SECONDS = 60.0
WEATHER = Tool(
    "get_weather",
    "Current weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
QUESTION = user("What is the weather in Paris?")
SAMPLING = Sampling(temperature=0, max_tokens=60)
FLAG = "--enable-auto-tool-choice"


class Outcome(NamedTuple):
    """What a program gets that uses the engine: the events, the reply folded from them, the error to tell."""

    events: list[Event]
    reply: Reply
    error: RequestFailed | None


async def _converse(program: Program, request: ChatRequest) -> Outcome:
    async with (
        asyncio.timeout(SECONDS),
        open_app(place(program.env, program.home), save=False) as app,
        HttpTransport() as transport,
    ):
        selection = await app.selector.select()
        candidate, provider = selection.candidate, selection.provider
        engine = Engine(transport, app.storage.catalog, app.storage.clock)
        async with engine.reply(request, candidate, provider) as stream:
            events = [event async for event in stream]
            last = events[-1]
            error = explain_failure(last.failure, candidate, provider) if isinstance(last, ReplyFailed) else None
            return Outcome(events, stream.reply, error)


def converse(program: Program, request: ChatRequest) -> Outcome:
    """Have a request answered by the engine."""
    return asyncio.run(_converse(program, request))


def test_a_required_tool_is_called_and_its_result_answered(vllm_user: Program, vllm: VllmServer) -> None:
    before = vllm.token_totals()
    asked = converse(vllm_user, ChatRequest((QUESTION,), SAMPLING, (WEATHER,), "required"))
    after = vllm.token_totals()
    assert (asked.error, asked.events[-1]) == (None, ReplyFinished())
    assert any(isinstance(event, ToolCallDelta) for event in asked.events)
    call = asked.reply.first.message.tool_calls[0]
    assert (call.name, bool(call.id)) == ("get_weather", True)
    json.loads(call.arguments)
    assert asked.reply.usage.input == exact(after.prompt - before.prompt)
    assert asked.reply.usage.output == exact(after.generation - before.generation)
    result = Message(Role.TOOL, (ToolResult(call.id, "18 degrees, sunny"),))
    history = (QUESTION, asked.reply.first.message, result)
    answered = converse(vllm_user, ChatRequest(history, SAMPLING, (WEATHER,), "none"))
    assert (answered.error, bool(answered.reply.first.text)) == (None, True)


def test_a_named_tool_is_called(vllm_user: Program) -> None:
    other = Tool("get_time", "Current time", {"type": "object", "properties": {"zone": {"type": "string"}}})
    asked = converse(vllm_user, ChatRequest((QUESTION,), SAMPLING, (WEATHER, other), "get_time"))
    assert [call.name for call in asked.reply.first.tool_calls] == ["get_time"]


def test_a_server_without_a_tool_parser_is_told_with_the_flag_to_add(
    program: Program, mortal_vllm: StartMortal
) -> None:
    server = mortal_vllm()
    program.use_server(server.base_url)
    for choice in ("auto", "required", "get_weather"):
        asked = converse(program, ChatRequest((QUESTION,), SAMPLING, (WEATHER,), choice))
        assert asked.error is not None
        assert asked.error.failure is not None
        assert asked.error.failure.kind is FailureKind.TOOLS_REFUSED
        assert FLAG in asked.error.next_step, choice
    function = {"name": WEATHER.name, "parameters": dict(WEATHER.parameters)}
    tools = {"tools": [{"type": "function", "function": function}], "tool_choice": "auto"}
    program.use_server(server.base_url, params={"extra_body": tools})
    told = program.run("ask", "What is the weather in Paris?")
    assert (told.code, told.out) == (1, "")
    assert f"vLLM at {server.base_url} cannot call tools as it was started" in told.err
    assert f"Start vLLM with {FLAG} --tool-call-parser" in told.err
