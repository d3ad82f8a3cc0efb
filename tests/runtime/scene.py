"""What the runtime's playbooks are made of: candidates, services, and the chunks that servers send."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import replace
from typing import Any

from fluffbuzz.core.credential import Credential, CredentialSource, Secret
from fluffbuzz.core.endpoint import Candidate, Endpoint
from fluffbuzz.core.events import Event, ReplyFailed, TextDelta, ThinkingDelta
from fluffbuzz.core.failure import FailureKind
from fluffbuzz.core.messages import user
from fluffbuzz.core.models import Model, ModelRef
from fluffbuzz.core.request import ChatRequest
from fluffbuzz.core.route import route_of
from fluffbuzz.providers import find
from fluffbuzz.runtime.selection import Selection
from fluffbuzz.runtime.services import Service
from fluffbuzz.testing import Answer, Expect

BASE = "http://127.0.0.1:8000/v1"
KEY = Credential(Secret("s3cret"), CredentialSource.ENVIRONMENT, "VLLM_API_KEY")
HELLO = ChatRequest((user("Hello"),))

CHAT = Expect("POST", f"{BASE}/chat/completions")
LOOK = Expect("GET", f"{BASE}/models")

DONE = "[DONE]"


def service(provider: str = "vllm", base_url: str = BASE, **changes: Any) -> Service:
    endpoint = Endpoint(provider, base_url, route_of(base_url))
    return replace(Service(find(provider), endpoint, KEY, discovers=True), **changes)


def candidate(model: Model | None = None, base_url: str = BASE, provider: str = "vllm") -> Candidate:
    chosen = model or Model(ModelRef(provider, "org/small"), "small")
    return Candidate(chosen, Endpoint(provider, base_url, route_of(base_url)), KEY)


def selection(model: Model | None = None, provider: str = "vllm") -> Selection:
    return Selection(candidate(model, provider=provider), find(provider))


def says(text: str, used: tuple[int, int] | None = None) -> dict[str, Any]:
    """A chunk with text, and with the usage so far where it is given (prompt tokens, answer tokens)."""
    return delta({"content": text}, used)


def thinks(text: str) -> dict[str, Any]:
    return delta({"reasoning": text})


def delta(fields: Mapping[str, Any], used: tuple[int, int] | None = None, index: int = 0) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"index": index, "delta": dict(fields)}], **usage(used)}


def ends(reason: str = "stop", index: int = 0) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"index": index, "delta": {}, "finish_reason": reason}]}


def counts(prompt: int, answer: int, **details: int) -> dict[str, Any]:
    """The last chunk, which has usage and no choices."""
    told = {"prompt_tokens_details": details} if details else {}
    return {"id": "c1", "choices": [], "usage": {**usage((prompt, answer))["usage"], **told}}


def usage(used: tuple[int, int] | None) -> dict[str, Any]:
    return {} if used is None else {"usage": {"prompt_tokens": used[0], "completion_tokens": used[1]}}


def refuses(status: int, message: str, param: str | None = None, kind: str = "BadRequestError") -> Answer:
    """An error as vLLM words it."""
    return Answer.json({"error": {"message": message, "type": kind, "param": param, "code": status}}, status)


NO_STREAM_OPTIONS = refuses(400, "Unexpected field", "stream_options")

PARIS = Answer.events(delta({"role": "assistant", "content": ""}), says("Par"), says("is."), ends(), counts(5, 3), DONE)


async def collect(events: AsyncIterable[Event]) -> list[Event]:
    return [event async for event in events]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def thinking_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, ThinkingDelta))


def failure_of(events: list[Event]) -> FailureKind | None:
    last = events[-1]
    return last.failure.kind if isinstance(last, ReplyFailed) else None
