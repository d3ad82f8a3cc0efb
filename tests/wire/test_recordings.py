"""Conformance: what real servers sent, through the decoder that fits, in whatever pieces it may arrive."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import recorded as recordings
from tests.recorded import Recording
from tests.wire import golden
from tests.wire.golden import Answer, Expected

from fluffbuzz.core.events import Event, ReplyFailed, ReplyFinished, ReplyStarted
from fluffbuzz.core.failure import FailureKind, classify
from fluffbuzz.core.reply import Reply, ReplyFold
from fluffbuzz.providers import find
from fluffbuzz.wire.openai_chat_reply import ChatDecoder, decode_reply
from fluffbuzz.wire.openai_errors import decode_error
from fluffbuzz.wire.openai_models import decode_models
from fluffbuzz.wire.sse import SSEDecoder

USED = [golden.CHAT_STREAMS, golden.CHAT_REPLIES, golden.MODEL_LISTS, golden.ERRORS]


def replay(pieces: Iterable[bytes]) -> list[Event]:
    decoder = ChatDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def fold(events: Iterable[Event]) -> Reply:
    folded = ReplyFold()
    for event in events:
        folded.feed(event)
    return folded.reply


def told(reply: Reply) -> Expected:
    """A reply in the words of the golden table."""
    usage = reply.usage
    return Expected(
        (str(usage.input), str(usage.output), str(usage.cached), str(usage.reasoning)),
        tuple(Answer(choice.text, choice.stop or "", choice.thinking, choice.tool_calls) for choice in reply.choices),
        reply.failure.kind if reply.failure else None,
        reply.model,
    )


# --- the recordings themselves


def test_every_recording_is_read_by_a_test_or_named_as_not_spoken_yet():
    known = [*(name for table in USED for name in table), *golden.NOT_SPOKEN_YET]
    assert sorted(known) == recordings.names()


@pytest.mark.parametrize("name", recordings.names())
def test_every_recording_is_whole_and_has_its_request_beside_it(name: str):
    recording = recordings.load(name)
    assert recording.request["method"] in ("GET", "POST")
    assert recording.request["path"].startswith("/")
    assert 200 <= recording.status < 600


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\n", "head"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", "body"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab", "cut"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n", "cut"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nx", "follows"),
    ],
)
def test_a_broken_recording_is_not_read_as_a_shorter_one(raw: bytes, fault: str):
    with pytest.raises(ValueError, match=fault):
        recordings.parse(raw)


def test_chunked_framing_is_taken_off():
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
    assert recordings.parse(raw) == (200, {"transfer-encoding": "chunked"}, (b"abc", b"0123456789"))


# --- chat, streamed


@pytest.mark.parametrize("name", golden.CHAT_STREAMS)
def test_a_streamed_chat_means_what_the_golden_table_says(name: str):
    assert told(fold(replay(recordings.load(name).pieces))) == golden.CHAT_STREAMS[name]


@pytest.mark.parametrize("name", golden.CHAT_STREAMS)
def test_a_stream_begins_once_and_closes_once(name: str):
    events = replay(recordings.load(name).pieces)
    started = [at for at, event in enumerate(events) if isinstance(event, ReplyStarted)]
    closed = [at for at, event in enumerate(events) if isinstance(event, ReplyFinished | ReplyFailed)]
    assert (started, closed) == ([0], [len(events) - 1])


@pytest.mark.no_cover  # a hundred thousand replays: measured coverage would make them slow and is had elsewhere
@pytest.mark.parametrize("name", golden.CHAT_STREAMS)
def test_a_stream_split_at_any_byte_gives_the_same_events(name: str):
    """Two pieces at each offset.

    What a chat decoder does depends on which payloads arrive together and on nothing else: so every offset goes
    through the SSE decoder, and the first offset of each new grouping through the whole.
    """
    body = recordings.load(name).body
    payloads = _payloads([body])
    events = replay([body])
    groupings: set[int] = set()
    for offset in range(len(body) + 1):
        decoder = SSEDecoder()
        first, second = decoder.feed(body[:offset]), decoder.feed(body[offset:])
        assert first + second + decoder.flush() == payloads
        if len(first) not in groupings or len(body) < 4000:
            groupings.add(len(first))
            assert replay([body[:offset], body[offset:]]) == events, offset
    assert len(groupings) == len(payloads) + 1


def _payloads(pieces: Iterable[bytes]) -> list[bytes]:
    decoder = SSEDecoder()
    return [payload for piece in pieces for payload in decoder.feed(piece)] + decoder.flush()


@pytest.mark.parametrize("name", golden.CHAT_STREAMS)
def test_a_stream_byte_by_byte_gives_the_same_events(name: str):
    recording = recordings.load(name)
    assert replay(_bytes_of(recording.body)) == replay(recording.pieces)


def _bytes_of(body: bytes) -> Iterable[bytes]:
    return (body[at : at + 1] for at in range(len(body)))


@pytest.mark.parametrize("name", golden.CHAT_STREAMS)
@given(data=st.data())
def test_a_stream_in_any_chunks_gives_the_same_events(name: str, data: st.DataObject):
    body = recordings.load(name).body
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=40)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert b"".join(pieces) == body
    assert replay(pieces) == replay([body])


@pytest.mark.parametrize("name", golden.CHAT_STREAMS)
def test_a_stream_cut_before_its_finish_is_never_a_finished_answer(name: str):
    recording = recordings.load(name)
    finish = max(recording.body.rfind(b'"finish_reason":"'), recording.body.rfind(b'{"error"'))
    for cut in range(0, finish, 37):
        events = replay([recording.body[:cut]])
        assert isinstance(events[-1], ReplyFailed), cut
        assert events[-1].failure.kind is FailureKind.CUT


@pytest.mark.parametrize("name", golden.CHAT_STREAMS)
def test_line_ends_of_another_kind_give_the_same_events(name: str):
    body = recordings.load(name).body
    for line_end in (b"\r\n", b"\r"):
        assert replay([body.replace(b"\n", line_end)]) == replay([body])


def test_the_same_prompt_again_is_told_as_cached():
    first, second = (
        fold(replay(recordings.load(f"vllm-0.32/plain/chat_stream_cached_prompt{again}").pieces)).usage
        for again in ("", "_again")
    )
    assert (first.input, second.input) == (second.input, first.input)
    assert (first.cached.tokens, second.cached.tokens) == (0, 512)


def test_the_death_of_the_engine_after_the_200_is_told_in_its_own_words_with_the_next_step():
    recording = recordings.load("vllm-0.32/failures/engine_died_mid_stream")
    decoder = ChatDecoder(find("vllm").wordings)
    closing = [*decoder.feed(recording.body), *decoder.close()][-1]
    assert isinstance(closing, ReplyFailed)
    assert closing.failure.message.startswith("EngineCore encountered an issue.")
    assert "Restart vLLM" in closing.failure.advice
    assert closing.failure.status == 500


# --- chat, whole


@pytest.mark.parametrize("name", golden.CHAT_REPLIES)
def test_a_whole_reply_means_what_the_golden_table_says(name: str):
    assert told(fold(decode_reply(recordings.load(name).body))) == golden.CHAT_REPLIES[name]


def test_a_whole_reply_and_a_stream_of_the_same_answer_fold_to_the_same_reply():
    streamed = fold(replay(recordings.load("vllm-0.32/plain/chat_stream_usage").pieces))
    whole = fold(decode_reply(recordings.load("vllm-0.32/plain/chat").body))
    assert (streamed.choices, streamed.usage) == (whole.choices, whole.usage)


# --- model lists and errors


@pytest.mark.parametrize("name", golden.MODEL_LISTS)
def test_a_model_list_means_what_the_golden_table_says(name: str):
    assert decode_models(recordings.load(name).body) == golden.MODEL_LISTS[name]


@pytest.mark.parametrize("name", golden.ERRORS)
def test_an_error_body_is_classified_as_the_golden_table_says(name: str):
    recording = recordings.load(name)
    assert classify(_evidence(recording), _wordings(name)).kind is golden.ERRORS[name]


@pytest.mark.parametrize("name", golden.ERRORS)
def test_the_words_of_a_server_are_kept(name: str):
    failure = classify(_evidence(recordings.load(name)), _wordings(name))
    assert failure.message
    assert failure.status == recordings.load(name).status


def _evidence(recording: Recording):
    return decode_error(recording.status, recording.headers, recording.body)


def _wordings(name: str):
    return find({"llama.cpp": "llamacpp", "vllm-0.32": "vllm"}[name.partition("/")[0]]).wordings
