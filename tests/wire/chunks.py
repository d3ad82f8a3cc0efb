"""Chunks of a streamed chat completion to build streams of, and what decoding those gives."""

from __future__ import annotations

import json
from typing import Any

from fluffbuzz.core.events import Event, ReplyFailed, ReplyStarted, UsageReported
from fluffbuzz.core.failure import FailureKind
from fluffbuzz.core.usage import ServerUsage
from fluffbuzz.wire.openai_chat_reply import ChatDecoder

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 5, "completion_tokens": 3}
REPORTED = UsageReported(ServerUsage(5, 3))


def event(document: object) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def chunk(delta: object = None, finish: object = None, index: object = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": delta if delta is not None else {}, "finish_reason": finish}
    return event({"id": "r", "model": "m", "choices": [choice], **fields})


def decode(*pieces: bytes) -> list[Event]:
    """The events after the first, which says that the reply started."""
    decoder = ChatDecoder()
    events = [found for piece in pieces for found in decoder.feed(piece)] + decoder.close()
    assert events[:1] == [ReplyStarted("r", "m")]
    return events[1:]


def failure_kind(events: list[Event]) -> FailureKind:
    closing = events[-1]
    assert isinstance(closing, ReplyFailed)
    return closing.failure.kind
