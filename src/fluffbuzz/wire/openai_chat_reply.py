"""Answers of the `openai-completions` dialect, streamed or whole, as events.

A stream is finished only when the server says so (a finish reason, or `[DONE]` after an answer): one that merely
stops, or that carries an error object inside its 200, ends in `ReplyFailed`, and nothing is emitted after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fluffbuzz.core.events import (
    ChoiceFinished,
    Event,
    ReplyFailed,
    ReplyFinished,
    ReplyStarted,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageReported,
)
from fluffbuzz.core.failure import Failure, FailureKind, Wording, classify
from fluffbuzz.wire import json_text
from fluffbuzz.wire.openai_errors import decode_error_event
from fluffbuzz.wire.openai_usage import decode_timings, decode_usage
from fluffbuzz.wire.sse import EventTooLarge, SSEDecoder

_STOP_REASONS = {
    "stop": StopReason.STOP,
    "end": StopReason.STOP,
    "eos": StopReason.STOP,
    "length": StopReason.LENGTH,
    "tool_calls": StopReason.TOOL_CALLS,
    "tool_call": StopReason.TOOL_CALLS,
    "function_call": StopReason.TOOL_CALLS,
    "content_filter": StopReason.CONTENT_FILTER,
}

_THINKING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text")

_DONE = b"[DONE]"

_CUT = Failure(FailureKind.CUT, "the stream ended before the answer was finished")
_EMPTY = Failure(FailureKind.EMPTY, "the server ended the stream without an answer")


class ChatDecoder:
    """Turns the body of one streamed chat completion into events, whatever the chunks in which it arrives."""

    def __init__(self, wordings: Sequence[Wording] = ()) -> None:
        self._sse = SSEDecoder()
        self._wordings = wordings
        self._is_started = False
        self._has_answer = False
        self._seen: set[int] = set()
        self._closed: set[int] = set()
        self.is_over = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Take a piece of the body and return what it tells."""
        too_large: EventTooLarge | None = None
        try:
            payloads = self._sse.feed(chunk)
        except EventTooLarge as fault:
            payloads, too_large = fault.complete, fault
        events = [] if self.is_over else self._decode(payloads)
        if too_large is not None and not self.is_over:
            events += self._fail(Failure(FailureKind.PROTOCOL, str(too_large)))
        return events

    def close(self) -> list[Event]:
        """The body has ended, well or not; exactly one closing event has been emitted after this."""
        events: list[Event] = []
        if self.is_over:
            return events
        for payload in self._sse.flush():
            if payload.strip() == _DONE or _is_json(payload):
                events += self._decode([payload])
        if not self.is_over:
            events += self._finish() if self._closed and self._seen == self._closed else self._fail(_CUT)
        return events

    def _decode(self, payloads: Iterable[bytes]) -> list[Event]:
        events: list[Event] = []
        for payload in payloads:
            try:
                document = json_text.parse(payload)
            except ValueError:
                document = None
            if type(document) is dict:
                self._take(document, events)
            else:
                self._take_odd(payload.strip(), events)
            if self.is_over:
                break
        return events

    def _take_odd(self, payload: bytes, events: list[Event]) -> None:
        """Take what is no JSON object: the mark of the end, or nothing at all, to keep the connection alive."""
        if payload == _DONE:
            events += self._finish() if self._has_answer or self._closed else self._fail(_EMPTY)
        elif payload:
            words = f"an event of the stream is no JSON object: {payload[:200].decode('utf-8', 'replace')}"
            events += self._fail(Failure(FailureKind.PROTOCOL, words))

    def _take(self, document: dict[str, Any], events: list[Event]) -> None:
        if (document.get("error") or document.get("object") == "error") and (found := decode_error_event(document)):
            events += self._fail(classify(found, self._wordings))
            return
        if not self._is_started:
            self._is_started = True
            events.append(ReplyStarted(_text(document.get("id")), _text(document.get("model"))))
        usage = document.get("usage")
        choices = document.get("choices")
        if choices and type(choices) is list:
            for choice in choices:
                if type(choice) is dict:
                    usage = usage or choice.get("usage")
                    self._take_choice(choice, events)
                    if self.is_over:
                        break
        if usage or "timings" in document:
            report = decode_usage(usage) or decode_timings(document.get("timings"))
            if report is not None:
                events.insert(len(events) - self.is_over, UsageReported(report))  # a closing event stays the last

    def _take_choice(self, choice: dict[str, Any], events: list[Event]) -> None:
        index = choice.get("index")
        if type(index) is not int:
            index = 0
        self._seen.add(index)
        delta = choice.get("delta") or choice.get("message")
        if type(delta) is dict:
            content = delta.get("content")
            if content and len(delta) == 1 and type(content) is str:  # nearly every delta; the rest is slower
                self._has_answer = True
                events.append(TextDelta(content, index))
            else:
                before = len(events)
                _take_delta(delta, index, events)
                self._has_answer = self._has_answer or len(events) > before
        reason = choice.get("finish_reason")
        if reason is not None:
            self._take_reason(reason, index, events)

    def _take_reason(self, reason: object, choice: int, events: list[Event]) -> None:
        stop = _STOP_REASONS.get(reason) if type(reason) is str else None
        if stop is None:
            words = f"the server ended the answer with finish_reason {reason!r}"
            events += self._fail(Failure(FailureKind.SERVER_ERROR, words))
            return
        self._closed.add(choice)
        events.append(ChoiceFinished(stop, choice))

    def _finish(self) -> list[Event]:
        self.is_over = True
        return [ReplyFinished()]

    def _fail(self, failure: Failure) -> list[Event]:
        self.is_over = True
        return [ReplyFailed(failure)]


def decode_reply(body: bytes, wordings: Sequence[Wording] = ()) -> list[Event]:
    """The events of a whole, unstreamed chat completion (some proxies answer so although a stream was asked for)."""
    decoder = ChatDecoder(wordings)
    return [*decoder.feed(b"data: " + b"".join(body.splitlines()) + b"\n\n"), *decoder.close()]


def _take_delta(delta: Mapping[str, Any], choice: int, events: list[Event]) -> None:
    for field in _THINKING_FIELDS:
        thinking = delta.get(field)
        if thinking and type(thinking) is str:
            events.append(ThinkingDelta(thinking, choice))
            break
    content = delta.get("content")
    if content:
        text = content if type(content) is str else _text_of_parts(content)
        if text:
            events.append(TextDelta(text, choice))
    calls = delta.get("tool_calls")
    if calls and type(calls) is list:
        events += [_tool_call(call, at, choice) for at, call in enumerate(calls) if type(call) is dict]
    legacy = delta.get("function_call")
    if type(legacy) is dict:
        events.append(_tool_call({"index": 0, "function": legacy}, 0, choice))


def _text_of_parts(content: object) -> str:
    if type(content) is not list:
        return ""
    return "".join(_text(part.get("text")) for part in content if type(part) is dict)


def _tool_call(call: Mapping[str, Any], at: int, choice: int) -> ToolCallDelta:
    found = call.get("function")
    function: Mapping[str, Any] = found if type(found) is dict else {}
    arguments = function.get("arguments")
    if arguments is not None and type(arguments) is not str:
        arguments = json_text.show(arguments)
    index = call.get("index")
    return ToolCallDelta(
        index if type(index) is int else at,
        _text(call.get("id")),
        _text(function.get("name")),
        arguments or "",
        choice,
    )


def _text(value: object) -> str:
    return value if type(value) is str else ""


def _is_json(payload: bytes) -> bool:
    try:
        json_text.parse(payload)
    except ValueError:
        return False
    return True
