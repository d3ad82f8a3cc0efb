"""Server-sent events, split on bytes.

A line ends at `\\n`, `\\r\\n` or `\\r` and nowhere else: U+2028 inside an answer is text. Any chunking of a stream
gives the same payloads. Only `data` matters to the dialects here; comments, ids and event names are passed over.
"""

from __future__ import annotations

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""More than any answer's event, as it is written; beyond it the stream is not what it claims to be."""


_BOM = b"\xef\xbb\xbf"


class EventTooLarge(ValueError):
    """One event grew beyond `MAX_EVENT_BYTES`; `complete` holds the data of those that came whole before it."""

    def __init__(self, complete: list[bytes]) -> None:
        super().__init__(f"an event of the stream is larger than {MAX_EVENT_BYTES:,} bytes")
        self.complete = complete


class SSEDecoder:
    """Feed it bytes as they come; it returns the data of each event that they complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._ended_with_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take a piece of the stream.

        Raises:
            EventTooLarge: an event exceeds `MAX_EVENT_BYTES`; nothing more can be read of this stream.
        """
        if self._ended_with_cr or b"\r" in chunk:
            chunk = self._with_plain_line_ends(chunk)
        text = self._rest + chunk if self._rest else chunk
        if self._at_start and not _BOM.startswith(text):
            self._at_start = False
            text = text.removeprefix(_BOM)
        events = text.split(b"\n\n")  # an empty line ends an event
        self._rest = events.pop()
        if len(text) > MAX_EVENT_BYTES:
            self._check(events)
        payloads: list[bytes] = []
        for event in events:
            if event[:6] == b"data: " and b"\n" not in event:  # nearly every one; a call would cost as much again
                payloads.append(event[6:])
            elif (data := _data(event)) is not None:
                payloads.append(data)
        return payloads

    def flush(self) -> list[bytes]:
        """What the stream leaves unfinished at its end: some servers forget the last empty line."""
        data = _data(self._rest)
        self._rest = b""
        return [] if data is None else [data]

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        if self._ended_with_cr and chunk:
            self._ended_with_cr = False
            chunk = chunk.removeprefix(b"\n")
        self._ended_with_cr = self._ended_with_cr or chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _check(self, events: list[bytes]) -> None:
        for number, event in enumerate([*events, self._rest.removesuffix(b"\n")]):
            if len(event) > MAX_EVENT_BYTES:
                raise EventTooLarge([data for each in events[:number] if (data := _data(each)) is not None])


def _data(event: bytes) -> bytes | None:
    """The data of one event, its lines joined; None where it has none."""
    lines = [
        line[6:] if line.startswith(b"data: ") else line[5:] for line in event.split(b"\n") if line[:5] == b"data:"
    ]
    return b"\n".join(lines) if lines else None
