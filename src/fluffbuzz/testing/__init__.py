"""Fakes for tests, those of users of the library included: a clock, a transport, stores, and a server to talk to.

They fulfil the ports (`fluffbuzz.ports`) without a network or a disk; `FakeServer` is a real server on loopback.
"""

from __future__ import annotations

from fluffbuzz.testing.clock import FakeClock, settle
from fluffbuzz.testing.fake_vllm import EngineDeath, FakeVllm, count_prompt
from fluffbuzz.testing.memory_catalog import MemoryCatalogStore
from fluffbuzz.testing.memory_sessions import MemorySessionStore
from fluffbuzz.testing.pause import Pause
from fluffbuzz.testing.raw_http import (
    LAST_CHUNK,
    Action,
    Delay,
    End,
    ReceivedRequest,
    chunk,
    event,
    event_stream,
    json_response,
    redirect,
    response,
    split,
    stream_head,
)
from fluffbuzz.testing.server import FakeServer
from fluffbuzz.testing.transport import Answer, Expect, Opened, ScriptedTransport, Step, UnexpectedRequest

__all__ = [
    "LAST_CHUNK",
    "Action",
    "Answer",
    "Delay",
    "End",
    "EngineDeath",
    "Expect",
    "FakeClock",
    "FakeServer",
    "FakeVllm",
    "MemoryCatalogStore",
    "MemorySessionStore",
    "Opened",
    "Pause",
    "ReceivedRequest",
    "ScriptedTransport",
    "Step",
    "UnexpectedRequest",
    "chunk",
    "count_prompt",
    "event",
    "event_stream",
    "json_response",
    "redirect",
    "response",
    "settle",
    "split",
    "stream_head",
]
