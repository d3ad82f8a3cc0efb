"""Servers that answer in one particular way, for what a small vLLM does not do by itself."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from fluffbuzz.testing import LAST_CHUNK, ReceivedRequest, event, json_response, stream_head
from fluffbuzz.testing.raw_http import Action, Responder

MODELS = json_response({"data": [{"id": "org/small", "max_model_len": 4096}]})


def answering(*actions: Action, models: bytes = MODELS) -> Responder:
    """Lists one model, and answers every question with these actions."""

    async def respond(request: ReceivedRequest) -> AsyncGenerator[Action]:
        for action in [models] if request.method == "GET" else actions:
            yield action

    return respond


def stream(*choices: dict[str, Any]) -> Sequence[Action]:
    """A whole stream of chunks with one choice each."""
    return [stream_head(), *(event({"id": "1", "choices": [each]}) for each in choices), event("[DONE]"), LAST_CHUNK]


def choice(text: str, index: int = 0, finish: str | None = None) -> dict[str, Any]:
    """A chunk's choice."""
    return {"index": index, "delta": {"content": text}, "finish_reason": finish}


def asking_for(name: str, arguments: str) -> dict[str, Any]:
    """A chunk's choice that is a whole tool call."""
    call = {"index": 0, "id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}


def refusal(message: str, status: int = 400, **fields: Any) -> bytes:
    """An error response."""
    return json_response({"error": {"message": message, "type": "", "param": None, "code": status, **fields}}, status)


class Watched:
    """A responder beside which a test in another thread can wait until the client has left or got everything."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self.left = threading.Event()

    async def __call__(self, request: ReceivedRequest) -> AsyncGenerator[Action]:
        """Answer as the responder does."""
        try:
            async with aclosing(self._responder(request)) as actions:
                async for action in actions:
                    yield action
        finally:
            if request.method == "POST":
                self.left.set()
