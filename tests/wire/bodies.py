"""Requests to encode, and the bodies that come of them, on a proxy-style and on the native route."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from fluffbuzz.core.messages import (
    Message,
    Role,
    ToolCall,
    ToolResult,
    user,
)
from fluffbuzz.core.models import Compat, Model, ModelRef
from fluffbuzz.core.request import ChatRequest, Sampling, Tool
from fluffbuzz.core.route import permits, route_of
from fluffbuzz.providers import find
from fluffbuzz.wire.openai_chat_request import Extras, encode_request

VLLM, OPENAI = find("vllm"), find("openai")
PROXY = route_of("http://127.0.0.1:8000/v1", VLLM.native_hosts)
NATIVE = route_of("https://api.openai.com/v1", OPENAI.native_hosts)
MODEL = Model(ModelRef("vllm", "org/name"), "org/name")
HELLO = (user("Hello"),)
WEATHER = Tool("get_weather", "Weather of a city", {"type": "object"}, strict=True)
EVERYTHING = Sampling(0.5, 0.9, 100, 0.1, 0.2, 7, ("END",))

CALLS = Message(Role.ASSISTANT, (ToolCall("c1", "f", '{"a": 1}'), ToolCall("c2", "g", "not json")))
RESULTS = Message(Role.TOOL, (ToolResult("c1", "18 C"), ToolResult("c2", "")))

NATIVE_ONLY = {
    "store": True,
    "service_tier": "auto",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {},
    "safety_identifier": "u",
    "verbosity": "low",
    "prediction": {},
    "web_search_options": {},
    "reasoning_effort": "low",
}
"""What only the native endpoint understands: withheld from every other one whatever the extras say."""


def body(request: ChatRequest, model: Model = MODEL, route=PROXY, extras: Extras = VLLM.extras) -> dict[str, Any]:
    encoded = encode_request(request, model, permits(route, model.compat), extras)
    found: dict[str, Any] = json.loads(encoded)
    return found


def sent(*messages: Message, model: Model = MODEL, route=PROXY) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(ChatRequest(messages), model, route)["messages"]
    return found


def with_compat(**flags: Any) -> Model:
    return replace(MODEL, compat=Compat(**flags))
