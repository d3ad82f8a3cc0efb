"""Server-sent events, split on bytes.

A line ends at `\\n`, `\\r\\n` or `\\r` and nowhere else: U+2028 inside an answer is text. Any chunking of a stream
gives the same payloads. Only `data` matters to the dialects here; comments, ids and event names are passed over.
"""

from __future__ import annotations

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""More than any answer's event; beyond it the stream is not what it claims to be."""


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
        self._data: list[bytes] = []
        self._size = 0
        self._ended_with_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take a piece of the stream.

        Raises:
            EventTooLarge: an event exceeds `MAX_EVENT_BYTES`; nothing more can be read of this stream.
        """
        text = self._rest + self._with_plain_line_ends(chunk)
        if self._at_start and not _BOM.startswith(text):
            self._at_start = False
            text = text.removeprefix(_BOM)
        may_be_too_large = self._size + len(text) > MAX_EVENT_BYTES
        lines = text.split(b"\n")
        self._rest = lines.pop()
        payloads: list[bytes] = []
        for line in lines:
            if may_be_too_large:
                self._check(line, payloads)
            if line.startswith(b"data:"):
                self._take(line)
            elif not line and self._data:
                payloads.append(self._event())
        if may_be_too_large:
            self._check(self._rest, payloads)
        return payloads

    def flush(self) -> list[bytes]:
        """What the stream leaves unfinished at its end: some servers forget the last empty line."""
        if self._rest.startswith(b"data:"):
            self._take(self._rest)
        self._rest = b""
        return [self._event()] if self._data else []

    def _with_plain_line_ends(self, chunk: bytes) -> bytes:
        if self._ended_with_cr and chunk:
            self._ended_with_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" not in chunk:
            return chunk
        self._ended_with_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _check(self, line: bytes, complete: list[bytes]) -> None:
        if self._size + len(line) > MAX_EVENT_BYTES:
            raise EventTooLarge(complete)

    def _take(self, line: bytes) -> None:
        data = line[6:] if line.startswith(b"data: ") else line[5:]
        self._data.append(data)
        self._size += len(data)

    def _event(self) -> bytes:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._size = 0
        return data
