"""Recorded streams from bytes to events, against the standard library's json on the same payloads alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from tests.recorded import load, names

from fluffbuzz.wire.openai_chat_reply import ChatDecoder

CHUNK = 4096
ROUNDS = 300
REPEATS = 7


def streams() -> list[bytes]:
    """The bodies of all recorded chat streams."""
    bodies = (load(name).body for name in names())
    return [body for body in bodies if body.startswith(b"data:") and b"chat.completion.chunk" in body]


def compare() -> tuple[float, float, int]:
    """Seconds of our decoding and of json alone for all streams once, and the number of payloads in them."""
    bodies = streams()
    payloads = [line[6:] for body in bodies for line in body.splitlines() if line.startswith(b"data: {")]
    chunked = [[body[at : at + CHUNK] for at in range(0, len(body), CHUNK)] for body in bodies]
    return _best(lambda: _decode(chunked)), _best(lambda: [json.loads(each) for each in payloads]), len(payloads)


def _decode(chunked: Sequence[Sequence[bytes]]) -> None:
    for chunks in chunked:
        decoder = ChatDecoder()
        for chunk in chunks:
            decoder.feed(chunk)
        decoder.close()


def _best(action: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(ROUNDS // REPEATS):
            action()
        times.append((time.perf_counter() - began) / (ROUNDS // REPEATS))
    return min(times)
