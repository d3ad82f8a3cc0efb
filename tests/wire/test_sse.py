"""Server-sent events: lines end where the standard says and nowhere else, whatever the chunks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fluffbuzz.wire import sse
from fluffbuzz.wire.sse import EventTooLarge, SSEDecoder

BOM = b"\xef\xbb\xbf"


def payloads(pieces: Sequence[bytes]) -> list[bytes]:
    decoder = SSEDecoder()
    return [payload for piece in pieces for payload in decoder.feed(piece)] + decoder.flush()


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", [b"a", b"b"], id="line feeds"),
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"], id="carriage return and line feed"),
        pytest.param(b"data: a\r\rdata: b\r\r", [b"a", b"b"], id="carriage returns"),
        pytest.param(b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"], id="a carriage return and its line feed end one line"),
        pytest.param(b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"], id="mixed line ends"),
        pytest.param(b"data:a\n\n", [b"a"], id="no space after the colon"),
        pytest.param(b"data:  a \n\n", [b" a "], id="only one space belongs to the colon"),
        pytest.param(b"data: a\ndata: b\n\n", [b"a\nb"], id="several lines of data are one payload"),
        pytest.param(b"data: a\ndata:\ndata: b\n\n", [b"a\n\nb"], id="an empty line of data counts"),
        pytest.param(b"data:\n\n", [b""], id="data without anything is an empty payload"),
        pytest.param(b": keep-alive\n\ndata: a\n\n: x\n\n", [b"a"], id="comments"),
        pytest.param(b"data: a\n: x\ndata: b\n\n", [b"a\nb"], id="a comment inside an event"),
        pytest.param(b"event: e\nid: 7\nretry: 5\ndata: a\n\n", [b"a"], id="other fields are passed over"),
        pytest.param(b"event: ping\n\ndata: a\n\n", [b"a"], id="an event without data is none"),
        pytest.param(b"database: a\n\n", [], id="a field that merely begins like data"),
        pytest.param(b"\n\n\n", [], id="empty lines alone"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(BOM + b"data: a\n\n", [b"a"], id="a byte order mark at the beginning"),
        pytest.param(BOM, [], id="a byte order mark alone"),
        pytest.param(BOM + BOM + b"data: a\n\ndata: b\n\n", [b"b"], id="only one byte order mark is taken off"),
        pytest.param(b"data: " + BOM + b"\n\n", [BOM], id="a byte order mark inside data is data"),
        pytest.param(b"data: a\n\n" + BOM + b"data: b\n\n", [b"a"], id="a later byte order mark is part of its line"),
        pytest.param("data: a\u2028b\u2029c\u0085d\n\n".encode(), ["a\u2028b\u2029c\u0085d".encode()], id="U+2028"),
        pytest.param(b"data: a\x0bb\x0cc\x1cd\n\n", [b"a\x0bb\x0cc\x1cd"], id="other separators are text"),
        pytest.param(b"data: a\n\ndata: b", [b"a", b"b"], id="the last line does not end"),
        pytest.param(b"data: a\n\ndata: b\n", [b"a", b"b"], id="the last empty line is missing"),
        pytest.param(b"data: a\ndata: b", [b"a\nb"], id="the last of several lines does not end"),
        pytest.param(b"data: a\n\n: bye", [b"a"], id="an unfinished comment at the end is nothing"),
    ],
)
def test_a_stream_gives_these_payloads_in_one_piece_and_byte_by_byte(stream: bytes, expected: list[bytes]):
    assert payloads([stream]) == expected
    assert payloads([stream[at : at + 1] for at in range(len(stream))]) == expected
    assert payloads([b"", stream, b""]) == expected


LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data", b"data:", b": comment", b"event: x", b"id", b"", b"", b"", BOM, b"\xe2\x80\xa8"]
)
STREAMS = st.one_of(
    st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r", b""])), max_size=30).map(
        lambda lines: b"".join(line + end for line, end in lines)
    ),
    st.lists(st.sampled_from([b"d", b"a", b"t", b":", b" ", b"\n", b"\r", b"\xef", b"\xbb", b"\xbf"])).map(b"".join),
    st.binary(),
)


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 400)))
@example(stream=b"data: a\r\n\r\ndata: b\r\n\r\n", cuts=[8, 9, 10])
@example(stream=BOM + b"data: a\n\n", cuts=[1, 2])
def test_any_chunking_of_any_stream_gives_the_same_payloads(stream: bytes, cuts: list[int]):
    inside = sorted(cut for cut in cuts if cut <= len(stream))
    pieces = [stream[start:end] for start, end in zip([0, *inside], [*inside, len(stream)], strict=True)]
    assert payloads(pieces) == payloads([stream])


@given(st.lists(st.text().map(lambda text: text.replace("\r", "").replace("\n", "").encode())))
def test_whatever_is_sent_as_data_arrives_as_it_was(sent: list[bytes]):
    assert payloads([b"".join(b"data: " + data + b"\n\n" for data in sent)]) == sent


# --- an event larger than any answer's


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 20)
    return 20


def outcome(pieces: Sequence[bytes]) -> tuple[list[bytes], bool]:
    """The payloads that came, and whether the stream ran to its end."""
    decoder = SSEDecoder()
    received: list[bytes] = []
    try:
        for piece in pieces:
            received += decoder.feed(piece)
    except EventTooLarge as fault:
        return received + fault.complete, False
    return received + decoder.flush(), True


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: " + b"x" * 14 + b"\n\n", ([b"x" * 14], True)),
        (b"data: " + b"x" * 15 + b"\n\n", ([], False)),
        (b"data: a\n\ndata: " + b"x" * 14 + b"\n\n", ([b"a", b"x" * 14], True)),
        (b"data: a\n\ndata: " + b"x" * 15 + b"\n\n", ([b"a"], False)),
        (b"data: a\n\ndata: " + b"x" * 15, ([b"a"], False)),
        (b"data: aaa\ndata: bbbb\n\n", ([b"aaa\nbbbb"], True)),
        (b"data: aaa\ndata: bbbbb\n\n", ([], False)),
        (b"data: a\n\n" * 30, ([b"a"] * 30, True)),
        (b": " + b"x" * 19 + b"\n\n", ([], False)),
        (b"x" * 21, ([], False)),
    ],
)
def test_an_event_beyond_the_limit_ends_the_stream_at_the_same_place_in_any_chunking(
    small_limit: int, stream: bytes, expected: tuple[list[bytes], bool]
):
    assert outcome([stream]) == expected
    assert outcome([stream[at : at + 1] for at in range(len(stream))]) == expected
    for cut in range(len(stream)):
        assert outcome([stream[:cut], stream[cut:]]) == expected


def test_the_limit_is_told_in_bytes():
    decoder = SSEDecoder()
    decoder.feed(b"data: ")
    with pytest.raises(EventTooLarge, match="larger than 16,777,216 bytes"):
        decoder.feed(b"x" * sse.MAX_EVENT_BYTES)
