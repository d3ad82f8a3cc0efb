"""A small vLLM: it answers as vLLM 0.32 does, word for word where clients look, with words that the test chooses.

Rule: every shape here is one of the recordings beside the tests; the numbers add up as vLLM's do (`/metrics` counts
what was really generated, the token that ends an answer included).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.testing.pause import Pause
from fluffbuzz.testing.raw_http import (
    LAST_CHUNK,
    Action,
    ReceivedRequest,
    event,
    json_response,
    response,
    stream_head,
)

VERSION = "0.32.0"
WINDOW = 4096
"""Tokens of a model of which nothing is said."""

PARIS = ("The", " capital", " of", " France", " is", " Paris", ".")
"""The answer to everything, token by token, where the test gives none."""

_CREATED = 1_795_344_432
_ENGINE_DIED = "EngineCore encountered an issue. See stack trace (above) for the root cause."


class EngineDeath:
    """Among the tokens of an answer: here the engine dies, and stays dead."""


Token = str | Pause | EngineDeath
"""Of a scripted answer: one token's text, a wait before the next one, or the engine's end."""

Script = Sequence[Token] | Callable[[Mapping[str, Any]], Sequence[Token]]
"""An answer, or a function from the request's body to it."""


def count_prompt(messages: Sequence[Mapping[str, Any]]) -> int:
    """What a prompt costs here: four tokens a message, and one for four characters, rounded up."""
    return sum(4 + -(-len(_text(message.get("content"))) // 4) for message in messages)


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content if isinstance(content, str) else ""


@dataclass(slots=True)
class FakeVllm:
    """Answers requests; give it to `FakeServer` as its responder.

    Attributes:
        models: ids, or rows where the window or an adapter's parent matters.
        api_key: guards `/v1` where not empty.
        thinking: tokens that a reasoning parser found before the answer.
        cached: tokens of each prompt that are said to come from the prefix cache (`--enable-prompt-tokens-details`).
        refuses_stream_options: answer 400 to that field, as servers did that are older.
        is_dead: the engine has died: chats fail, `/health` says 503, models are still listed.
        prompt_tokens, generation_tokens: the counters of `/metrics`.
    """

    models: Sequence[str | ServedModel] = ("org/small",)
    api_key: str = ""
    answer: Script = PARIS
    thinking: Sequence[str] = ()
    cached: int | None = None
    refuses_stream_options: bool = False
    is_dead: bool = False
    prompt_tokens: int = 0
    generation_tokens: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    _number: int = 0

    async def __call__(self, request: ReceivedRequest) -> AsyncGenerator[Action]:
        """The answer to one request."""
        path = request.target.partition("?")[0]
        key = request.header("authorization")
        if self.api_key and path.startswith("/v1") and key != f"Bearer {self.api_key}":
            yield json_response({"error": "Unauthorized"}, 401)
        elif path not in _ROUTES:
            yield json_response({"detail": "Not Found"}, 404)
        elif request.method != _ROUTES[path]:
            yield json_response({"detail": "Method Not Allowed"}, 405)
        elif path == "/v1/chat/completions":
            async with aclosing(self._chat(request)) as actions:
                async for action in actions:
                    yield action
        else:
            yield self._told(path)

    def _told(self, path: str) -> bytes:
        match path:
            case "/v1/models":
                return json_response({"object": "list", "data": [_card(row) for row in self._rows]})
            case "/metrics":
                return response(self._metrics().encode(), content_type="text/plain; version=1.0.0; charset=utf-8")
            case "/version":
                return json_response({"version": VERSION})
            case _:
                return response(b"", 503 if self.is_dead else 200)

    @property
    def _rows(self) -> list[ServedModel]:
        return [row if isinstance(row, ServedModel) else ServedModel(row, WINDOW) for row in self.models]

    def _metrics(self) -> str:
        labels = f'engine="0",model_name="{self._rows[0].id if self.models else ""}"'
        ended = "vllm:request_success_total{finished_reason="
        lines = [
            "# TYPE vllm:prompt_tokens_total counter",
            f"vllm:prompt_tokens_total{{{labels}}} {float(self.prompt_tokens)}",
            "# TYPE vllm:generation_tokens_total counter",
            f"vllm:generation_tokens_total{{{labels}}} {float(self.generation_tokens)}",
            "# TYPE vllm:request_success_total counter",
            *(f'{ended}"{how}",{labels}}} {self.ended[how]}.0' for how in ("stop", "length", "abort", "error")),
        ]
        return "\n".join([*lines, ""])

    async def _chat(self, request: ReceivedRequest) -> AsyncGenerator[Action]:
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            yield _refusal("1 validation error:\n  {'type': 'json_invalid'}", "body.0", kind="Bad Request")
            return
        refused = self._refused(body)
        if refused:
            yield refused
            return
        self._number += 1
        run = _Run(self, body, f"chatcmpl-{self._number:016x}", self._window(body["model"]))
        async with aclosing(run.streamed() if body.get("stream") else run.whole()) as actions:
            async for action in actions:
                yield action

    def _refused(self, body: Mapping[str, Any]) -> bytes | None:
        messages, model = body.get("messages"), body.get("model", "")
        if not isinstance(messages, list):
            return _refusal("1 validation error:\n  {'type': 'missing'}", "body.messages", kind="Bad Request")
        if model not in [row.id for row in self._rows]:
            names = ", ".join(row.id for row in self._rows if not row.parent)
            words = f"The model `{model}` does not exist. Valid aliases: {names}."
            return _refusal(words, "model", 404, "NotFoundError")
        if self.is_dead:
            return _refusal(_ENGINE_DIED, None, 500, "InternalServerError")
        if "stream_options" in body and (self.refuses_stream_options or not body.get("stream")):
            return _refusal("Unexpected value for stream_options", "stream_options")
        if body.get("tools") and body.get("tool_choice", "auto") == "auto":
            words = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
            return _refusal(words, None)
        if any(_has_image(message) for message in messages):
            return _refusal(f"{model} is not a multimodal model", None)
        return self._too_long(body)

    def _too_long(self, body: Mapping[str, Any]) -> bytes | None:
        window, prompt = self._window(body["model"]), count_prompt(body["messages"])
        wanted = body.get("max_tokens") or body.get("max_completion_tokens") or 0
        if wanted > window:
            return _refusal(
                f"max_tokens={wanted} cannot be greater than max_model_len={window}. Please request fewer output "
                f"tokens. (parameter=max_tokens, value={wanted})",
                "max_tokens",
            )
        if prompt >= window:
            return _refusal(
                f"This model's maximum context length is {window} tokens. However, your prompt contains at least "
                f"{window + 1} input tokens, which exceeds this limit even without any output tokens. Please reduce "
                f"the length of the input prompt. (parameter=input_tokens, value={window + 1})",
                "input_tokens",
            )
        return None

    def _window(self, model: str) -> int:
        rows = {row.id: row for row in self._rows}
        own, parent = rows[model].window, rows.get(rows[model].parent)
        return own or (parent.window if parent else None) or WINDOW


_ROUTES = {
    "/v1/models": "GET",
    "/v1/chat/completions": "POST",
    "/metrics": "GET",
    "/health": "GET",
    "/version": "GET",
}


@dataclass(slots=True)
class _Run:
    """One chat request while it is answered."""

    server: FakeVllm
    body: Mapping[str, Any]
    id: str
    window: int
    prompt: int = 0
    generated: int = 0
    reason: Literal["stop", "length"] = "stop"

    async def streamed(self) -> AsyncGenerator[Action]:
        options = self.body.get("stream_options") or {}
        asked = bool(options.get("include_usage"))
        continuous = asked and bool(options.get("continuous_usage_stats"))
        yield stream_head()
        outcome = "abort"
        try:
            async with aclosing(self._generated()) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Pause):
                        yield piece
                    else:
                        yield event(self._chunk([piece], self._usage() if continuous else None))
            if asked:
                yield event(self._chunk([], self._usage(is_final=True)))
            outcome = self.reason
        except _EngineDiedError:
            outcome = "error"
            yield event({"error": _error(_ENGINE_DIED, None, 500, "InternalServerError")})
        finally:
            self.server.ended[outcome] += 1
        yield event("[DONE]")
        yield LAST_CHUNK

    async def whole(self) -> AsyncGenerator[Action]:
        text = {"content": "", "reasoning": ""}
        async with aclosing(self._generated()) as pieces:
            async for piece in pieces:
                if isinstance(piece, Pause):
                    yield piece
                    continue
                for name in text:
                    text[name] += piece["delta"].get(name, "")
        self.server.ended[self.reason] += 1
        message = {"role": "assistant", "content": text["content"], "reasoning": text["reasoning"] or None}
        choice = {"index": 0, "message": message, "finish_reason": self.reason, "stop_reason": None}
        document = self._chunk([choice], self._usage(is_final=True))
        yield json_response({**document, "object": "chat.completion"})

    async def _generated(self) -> AsyncGenerator[dict[str, Any] | Pause]:
        """The choices of the stream's chunks; tokens are counted when they are generated, before they are sent."""
        self.prompt = count_prompt(self.body["messages"])
        self.server.prompt_tokens += self.prompt
        yield _choice({"role": "assistant", "content": ""})
        room = self.window - self.prompt
        limit = min(self.body.get("max_tokens") or self.body.get("max_completion_tokens") or room, room)
        for name, token in self._tokens():
            if isinstance(token, Pause):
                yield token
                continue
            if isinstance(token, EngineDeath):
                self.server.is_dead = True
                raise _EngineDiedError
            self._count()
            if self.generated == limit:
                self.reason = "length"
                yield _choice({name: token}, self.reason)
                return
            yield _choice({name: token})
        self._count()  # the token that ends the answer
        yield _choice({"content": ""}, self.reason)

    def _tokens(self) -> list[tuple[str, Token]]:
        script = self.server.answer
        answer = list(script(self.body) if callable(script) else script)
        if self.body.get("continue_final_message"):
            answer = _after(_text(self.body["messages"][-1].get("content")), answer)
        return [*(("reasoning", token) for token in self.server.thinking), *(("content", token) for token in answer)]

    def _count(self) -> None:
        self.generated += 1
        self.server.generation_tokens += 1

    def _usage(self, *, is_final: bool = False) -> dict[str, Any]:
        usage: dict[str, Any] = {
            "prompt_tokens": self.prompt,
            "total_tokens": self.prompt + self.generated,
            "completion_tokens": self.generated,
        }
        if not is_final:
            return {**usage, "completion_tokens_details": None}
        cached = self.server.cached
        details = None if cached is None else {"cached_tokens": cached, "created_cache_tokens": 0}
        return {**usage, "prompt_tokens_details": details}

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        known = {"id": self.id, "object": "chat.completion.chunk", "created": _CREATED, "model": self.body["model"]}
        return {**known, "choices": choices, **({"usage": usage} if usage else {})}


class _EngineDiedError(Exception):
    """The script says that the engine dies here."""


def _after(begun: str, answer: Sequence[Token]) -> list[Token]:
    """The tokens that are left of an answer once its beginning stands."""
    rest = list(answer)
    while rest and isinstance(rest[0], str) and begun.startswith(rest[0]):
        begun = begun.removeprefix(str(rest.pop(0)))
    return rest


def _choice(delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": reason}


def _card(row: ServedModel) -> dict[str, Any]:
    known = {"id": row.id, "object": "model", "created": _CREATED, "owned_by": row.owned_by or "vllm"}
    return {**known, "root": row.id, "parent": row.parent or None, "max_model_len": row.window}


def _has_image(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(part.get("type") == "image_url" for part in content)


def _error(words: str, param: str | None, status: int, kind: str) -> dict[str, Any]:
    return {"message": words, "type": kind, "param": param, "code": status}


def _refusal(words: str, param: str | None, status: int = 400, kind: str = "BadRequestError") -> bytes:
    return json_response({"error": _error(words, param, status, kind)}, status)
