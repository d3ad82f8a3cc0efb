"""Requests of the `openai-completions` dialect.

The body holds what was asked and what the route permits, nothing else: on a proxy-style route no field that OpenAI
alone understands, whatever the configured extras say. Its prefix is byte-stable from turn to turn (fixed key order,
tools by name), so that a server's prefix cache keeps working.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from fluffbuzz.core.messages import Image, Message, Role, Text, Thinking, ToolCall, ToolResult
from fluffbuzz.core.models import Model
from fluffbuzz.core.request import ChatRequest, Sampling, Tool
from fluffbuzz.core.route import Permits
from fluffbuzz.wire import json_text


@dataclass(frozen=True, slots=True)
class Extras:
    """What to ask of a server beyond the dialect: token counts in the stream, and taking up an unfinished answer."""

    usage: bool = True
    continuous_usage: bool = False
    continuation: bool = False


_OURS = frozenset({"model", "messages", "stream", "stream_options"})
"""Fields that extras never replace: the answer could no longer be read or counted."""

_NATIVE_ONLY = frozenset(
    {
        "prompt_cache_retention",
        "prompt_cache_options",
        "safety_identifier",
        "verbosity",
        "prediction",
        "web_search_options",
    }
)

NO_OUTPUT = "(no output)"
"""Stands for an empty tool result, which several chat templates refuse."""


def encode_request(request: ChatRequest, model: Model, allowed: Permits, extras: Extras) -> bytes:
    """The body of a streamed chat completion, as JSON.

    Args:
        allowed: what the endpoint may be sent for this model.
        extras: what the server understands beyond the dialect.
    """
    messages = _messages(request.messages, model, allowed)
    body: dict[str, Any] = {
        "model": model.ref.model,
        "messages": [_plain(sent) if model.compat.strict_message_keys else sent for sent in messages],
        "stream": True,
    }
    if extras.usage and allowed.stream_usage:
        body["stream_options"] = {"include_usage": True}
        if extras.continuous_usage:
            body["stream_options"]["continuous_usage_stats"] = True
    body |= _sampling(request.sampling, allowed)
    if request.tools and allowed.tools:
        body["tools"] = [_tool(tool, allowed) for tool in sorted(request.tools, key=lambda tool: tool.name)]
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.takes_up and extras.continuation:
        body |= {"add_generation_prompt": False, "continue_final_message": True}
    body |= _extra(request.extra, allowed)
    return json_text.render(body)


def _extra(extra: Mapping[str, Any], allowed: Permits) -> dict[str, Any]:
    withheld = _withheld(allowed)
    body = {key: value for key, value in extra.items() if key not in withheld}
    if not allowed.strict_tools and isinstance(body.get("tools"), list):
        body["tools"] = [_without_strict(tool) for tool in body["tools"]]
    return body


def _without_strict(tool: Any) -> Any:
    match tool:
        case {"function": {"strict": _, **function}}:
            return {**tool, "function": function}
        case _:
            return tool


def _withheld(allowed: Permits) -> frozenset[str]:
    conditional = {
        "store": allowed.store,
        "service_tier": allowed.service_tier,
        "prompt_cache_key": allowed.prompt_cache_key,
        "reasoning_effort": allowed.reasoning_effort,
        "temperature": allowed.temperature,
        "tools": allowed.tools,
        "tool_choice": allowed.tools,
    }
    native_only = frozenset() if allowed.service_tier else _NATIVE_ONLY
    return _OURS | native_only | {key for key, may_be_sent in conditional.items() if not may_be_sent}


def _sampling(sampling: Sampling, allowed: Permits) -> dict[str, Any]:
    fields = {
        "temperature": sampling.temperature if allowed.temperature else None,
        "top_p": sampling.top_p,
        allowed.max_tokens_field: sampling.max_tokens,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _tool(tool: Tool, allowed: Permits) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    if tool.strict is not None and allowed.strict_tools:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> str | dict[str, Any]:
    if choice in ("", "auto", "none", "required"):
        return choice or "auto"
    return {"type": "function", "function": {"name": choice}}


def _messages(messages: Iterable[Message], model: Model, allowed: Permits) -> Iterable[dict[str, Any]]:
    plain = bool(model.compat.requires_string_content)
    for message in messages:
        match message.role:
            case Role.SYSTEM:
                role = "developer" if allowed.developer_role and model.reasoning else "system"
                yield {"role": role, "content": message.text}
            case Role.USER:
                yield {"role": "user", "content": _content(message, as_text=plain)}
            case Role.ASSISTANT:
                if message.text or message.tool_calls:
                    yield _answer(message)
            case Role.TOOL:
                yield from _tool_results(message)
            case _:
                assert_never(message.role)


def _plain(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The message for servers that know nothing but role and content."""
    return {"role": sent["role"], "content": sent["content"] or ""}


def _content(message: Message, *, as_text: bool) -> str | list[dict[str, Any]]:
    if as_text or not message.has_images:
        return message.text
    return [encoded for part in message.parts if (encoded := _content_part(part))]


def _content_part(part: Text | Thinking | Image | ToolCall | ToolResult) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data):
            return {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{b64encode(data).decode()}"}}
        case Thinking() | ToolCall() | ToolResult():
            return {}
        case _:
            assert_never(part)


def _answer(message: Message) -> dict[str, Any]:
    answer: dict[str, Any] = {"role": "assistant", "content": message.text or None}
    if message.tool_calls:
        answer["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return answer


def _tool_results(message: Message) -> Iterable[dict[str, Any]]:
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.call_id, "content": part.text or NO_OUTPUT}
