"""How answers of the `openai-completions` dialect end: finished, cut, failed inside their 200, or whole at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.chunks import DONE, REPORTED, USAGE, chunk, decode, event, failure_kind

from fluffbuzz.core.events import (
    ChoiceFinished,
    ReplyFailed,
    ReplyFinished,
    ReplyStarted,
    StopReason,
    TextDelta,
)
from fluffbuzz.core.failure import FailureKind, Wording
from fluffbuzz.wire import sse
from fluffbuzz.wire.openai_chat_reply import ChatDecoder, decode_reply

# --- the end of a stream


def test_done_after_an_answer_finishes_it_even_without_a_finish_reason():
    assert decode(chunk({"content": "Hi"}), DONE) == [TextDelta("Hi"), ReplyFinished()]


@pytest.mark.parametrize("done", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r\n\r\n", b"data:  [DONE] \n\n"])
def test_done_is_understood_however_it_is_written(done: bytes):
    assert decode(chunk({"content": "Hi"}), done)[-1] == ReplyFinished()


def test_a_stream_that_ends_after_its_finish_reason_is_finished_without_done():
    assert decode(chunk({"content": "Hi"}, "stop"))[-1] == ReplyFinished()


def test_a_last_event_whose_empty_line_is_missing_still_counts():
    events = decode(chunk({"content": "Hi"}, "stop"), event({"choices": [], "usage": USAGE}).rstrip(b"\n"))
    assert events[-2:] == [REPORTED, ReplyFinished()]


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk({"content": "Hi"})],
        [chunk({"content": "Hi"}), event({"choices": [], "usage": USAGE})],
        [chunk({"content": "a"}, "stop", index=0), chunk({"content": "b"}, index=1)],
        [chunk({"content": "Hi"}), chunk(finish="stop")[:-20]],
        [chunk({"content": "Hi"}), b"data: [DO"],
    ],
)
def test_a_stream_that_merely_stops_is_cut_and_never_a_finished_answer(pieces: list[bytes]):
    events = decode(*pieces)
    assert failure_kind(events) is FailureKind.CUT
    assert ReplyFinished() not in events


def test_nothing_at_all_is_cut():
    assert [failure_kind(ChatDecoder().close()), failure_kind(decode_reply(b""))] == [FailureKind.CUT] * 2


@pytest.mark.parametrize("delta", [{}, {"role": "assistant", "content": ""}])
def test_done_without_any_answer_is_an_empty_reply_and_a_failure(delta: dict[str, Any]):
    assert failure_kind(decode(chunk(delta), DONE)) is FailureKind.EMPTY


def test_an_answer_that_the_model_left_empty_on_purpose_is_finished():
    assert decode(chunk({"content": ""}), chunk(finish="stop"), DONE) == [
        ChoiceFinished(StopReason.STOP),
        ReplyFinished(),
    ]


def test_nothing_is_emitted_after_the_closing_event_whatever_follows():
    decoder = ChatDecoder()
    events = decoder.feed(chunk({"content": "a"}, "stop") + DONE + chunk({"content": "b"}) + event({"error": "x"}))
    assert events[-1] == ReplyFinished()
    assert decoder.is_over
    assert decoder.feed(chunk({"content": "c"})) == []
    assert decoder.feed(b"data: 1") == []
    assert decoder.close() == []
    assert decoder.close() == []


@pytest.mark.parametrize("noise", [b": keep-alive\n\n", b"data:\n\n", b"data: \n\n", b"event: ping\n\n", b"\n\n"])
def test_what_only_keeps_the_connection_alive_changes_nothing(noise: bytes):
    pieces = [chunk({"content": "Hi"}), chunk(finish="stop"), DONE]
    assert decode(*(noise + piece + noise for piece in pieces)) == decode(*pieces)


# --- errors inside a stream whose status was 200


@pytest.mark.parametrize(
    ("document", "kind", "message"),
    [
        ({"error": {"message": "boom", "type": "InternalServerError", "code": 500}}, FailureKind.SERVER_ERROR, "boom"),
        ({"error": {"message": "later", "code": 429}}, FailureKind.RATE_LIMIT, "later"),
        ({"error": {"message": "later", "code": "503"}}, FailureKind.OVERLOADED, "later"),
        ({"error": {"message": "x", "code": "context_length_exceeded"}}, FailureKind.CONTEXT_OVERFLOW, "x"),
        ({"error": {"message": "boom", "code": 7}}, FailureKind.SERVER_ERROR, "boom"),
        ({"error": "boom"}, FailureKind.SERVER_ERROR, "boom"),
        ({"error": ["boom"]}, FailureKind.SERVER_ERROR, '["boom"]'),
        ({"error": 500}, FailureKind.SERVER_ERROR, "500"),
        ({"error": {"code": "x"}}, FailureKind.SERVER_ERROR, '{"code":"x"}'),
        ({"object": "error", "message": "boom", "code": 400}, FailureKind.BAD_REQUEST, "boom"),
        ({"object": "error", "reason": "boom"}, FailureKind.SERVER_ERROR, '{"object":"error","reason":"boom"}'),
    ],
)
def test_an_error_object_ends_the_answer_in_a_failure_although_done_follows(
    document: dict[str, Any], kind: FailureKind, message: str
):
    events = decode(chunk({"content": "Hi"}), event(document), DONE)
    assert events[0] == TextDelta("Hi")
    assert failure_kind(events) is kind
    assert events[-1].failure.message == message  # type: ignore[union-attr]  # told by the line above


@pytest.mark.parametrize("nothing", [None, "", {}, [], False, 0])
def test_an_error_field_that_holds_nothing_is_no_error(nothing: object):
    assert decode(chunk({"content": "Hi"}, "stop", error=nothing))[-1] == ReplyFinished()


def test_the_wordings_of_the_provider_are_used_for_errors_in_a_stream():
    decoder = ChatDecoder([Wording("boom", FailureKind.OVERLOADED, "Wait.")])
    (closing,) = decoder.feed(event({"error": {"message": "Boom!"}}))
    assert isinstance(closing, ReplyFailed)
    assert (closing.failure.kind, closing.failure.advice) == (FailureKind.OVERLOADED, "Wait.")


@pytest.mark.parametrize("data", [b"<html>", b"[1]", b"12", b'"text"', b"null", b'{"a":', b"\xff"])
def test_an_event_that_is_no_json_object_breaks_the_protocol_and_is_quoted(data: bytes):
    events = decode(chunk({"content": "Hi"}), b"data: " + data + b"\n\n", chunk(finish="stop"))
    assert failure_kind(events) is FailureKind.PROTOCOL
    assert data.decode("utf-8", "replace") in events[-1].failure.message  # type: ignore[union-attr]  # told above


def test_a_quoted_event_is_cut_short():
    (closing,) = ChatDecoder().feed(b"data: " + b"x" * 1000 + b"\n\n")
    assert isinstance(closing, ReplyFailed)
    assert len(closing.failure.message) < 300


def test_an_oversized_event_ends_the_answer_after_what_came_whole(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 500)
    good, huge = chunk({"content": "Hi"}), chunk({"content": "x" * 1000})
    for pieces in ([good + huge], [good, huge], [good, huge[:700], huge[700:]]):
        events = decode(*pieces)
        assert events[0] == TextDelta("Hi")
        assert failure_kind(events) is FailureKind.PROTOCOL
        assert len(events) == 2


def test_an_oversized_event_after_the_end_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 500)
    events = decode(chunk({"content": "Hi"}, "stop") + DONE + b"data: " + b"x" * 600)
    assert events == [TextDelta("Hi"), ChoiceFinished(StopReason.STOP), ReplyFinished()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "choices", "delta", "message", "index", "finish_reason", "content", "text", "reasoning", "tool_calls",
         "function", "function_call", "arguments", "name", "usage", "prompt_tokens", "timings", "error", "code",
         "object", "detail"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(JSON.map(event) | st.binary(max_size=20).map(lambda data: b"data: " + data + b"\n\n"), max_size=5))
def test_whatever_a_server_sends_the_reply_closes_exactly_once_and_nothing_is_raised(pieces: list[bytes]):
    decoder = ChatDecoder()
    events = [found for piece in pieces for found in decoder.feed(piece)] + decoder.close()
    assert [at for at, found in enumerate(events) if isinstance(found, ReplyFinished | ReplyFailed)] == [
        len(events) - 1
    ]


# --- whole replies


def whole(message: object, finish: object = "stop", **fields: Any) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "r", "model": "m", "choices": [choice], **fields}, indent=2).encode()


def test_a_whole_reply_that_is_printed_over_many_lines_is_read():
    assert decode_reply(whole({"content": "Hi\nyou"}, usage=USAGE)) == [
        ReplyStarted("r", "m"),
        TextDelta("Hi\nyou"),
        ChoiceFinished(StopReason.STOP),
        REPORTED,
        ReplyFinished(),
    ]


def test_a_whole_reply_without_a_finish_reason_is_not_whole():
    assert failure_kind(decode_reply(whole({"content": "Hi"}, None))) is FailureKind.CUT


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"message":"boom"}}', FailureKind.SERVER_ERROR),
        (b"<html>no</html>", FailureKind.PROTOCOL),
        (b"[]", FailureKind.PROTOCOL),
        (b'{"choices":[]}', FailureKind.CUT),
    ],
)
def test_a_whole_body_that_is_no_reply_is_a_failure(body: bytes, kind: FailureKind):
    assert failure_kind(decode_reply(body)) is kind


def test_the_wordings_of_the_provider_are_used_for_whole_replies():
    events = decode_reply(b'{"error":"boom"}', [Wording("boom", FailureKind.OVERLOADED)])
    assert failure_kind(events) is FailureKind.OVERLOADED
