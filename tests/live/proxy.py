"""A proxy on loopback in front of a real server: it keeps every request as it came, and may refuse some itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from fluffbuzz.testing import End, FakeServer, ReceivedRequest, json_response
from fluffbuzz.testing.raw_http import Action

READ_SIZE = 64 * 1024

Refusal = Callable[[ReceivedRequest], bytes | None]


class RecordingProxy(FakeServer):
    """Passes requests on as they are, answers back as they come; `refuse` may answer with a response of its own."""

    def __init__(self, upstream_port: int, refuse: Refusal = lambda _: None) -> None:
        super().__init__(responder=self._forward)
        self._upstream_port = upstream_port
        self._refuse = refuse

    def asked(self, method: str) -> list[ReceivedRequest]:
        """The requests of one method so far."""
        return [request for request in self.requests if request.method == method]

    async def _forward(self, request: ReceivedRequest) -> AsyncGenerator[Action]:
        refusal = self._refuse(request)
        if refusal is not None:
            yield refusal
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            # So that the answer's end is the connection's end, whatever its framing.
            writer.write(request.head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + request.body)
            while data := await reader.read(READ_SIZE):
                yield data
        finally:
            writer.close()
        yield End.CLOSE


def refuse_stream_options(request: ReceivedRequest) -> bytes | None:
    """What a server answers that does not know the field."""
    if request.method != "POST" or "stream_options" not in request.json:
        return None
    words = "Unrecognized request argument supplied: stream_options"
    return json_response({"error": {"message": words, "type": "invalid_request_error", "param": None}}, 400)
