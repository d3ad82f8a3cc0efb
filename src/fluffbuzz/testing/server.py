"""A real HTTP server on loopback whose every byte a test decides: recorded answers, cuts, stalls, resets, TLS.

Rule: it notices everything. Each request is kept as it came over the socket; a request that no answer is left for, and
an answer that nobody asked for, fail the test when the server ends.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any, Self

from fluffbuzz.testing.fake_vllm import FakeVllm
from fluffbuzz.testing.pause import Pause
from fluffbuzz.testing.raw_http import (
    MAX_HEAD,
    Action,
    Delay,
    End,
    ReceivedRequest,
    Responder,
    json_response,
    read_request,
)

START_LIMIT = 10.0
"""Seconds in which a server in a thread of its own must have come up."""


class FakeServer:
    """Serves while its context is entered: `async with` in the test's own event loop, `with` in a thread.

    Args:
        answers: one for each request, in order: the bytes of a whole response, or a sequence of actions.
        responder: answers every request instead.
        ssl_context: speak TLS with it.

    Attributes:
        requests: all requests, as they came.
        connections: how many connections were accepted.
        responder: who answers, such as the `FakeVllm` of `FakeServer.vllm`.
    """

    def __init__(
        self,
        *answers: bytes | Sequence[Action],
        responder: Responder | None = None,
        ssl_context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._answers = [[each] if isinstance(each, bytes) else list(each) for each in answers]
        self.responder: Responder = responder or self._play
        self._tls = ssl_context
        self._host = host
        self._tasks: set[asyncio.Task[Any]] = set()
        self._troubles: list[str] = []
        self._server: asyncio.Server | None = None
        self._thread: _Thread | None = None
        self.requests: list[ReceivedRequest] = []
        self.connections = 0
        self.port = 0

    @classmethod
    def vllm(cls, **facts: Any) -> FakeServer:
        """A small vLLM: `models`, `api_key`, `answer` and whatever else `FakeVllm` takes."""
        return cls(responder=FakeVllm(**facts))

    @property
    def origin(self) -> str:
        """`scheme://host:port`."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The origin with `/v1`."""
        return f"{self.origin}/v1"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self._host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.stop()
        if kind is None:
            self.check_done()

    async def stop(self) -> None:
        """Stop listening and drop every connection, as a killed server does; entering again takes the same port."""
        if self._server:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def check_done(self) -> None:
        """Complain about answers left over, requests without an answer, and mistakes of a responder.

        Raises:
            AssertionError: there are some.
        """
        left = [f"{len(self._answers)} answer(s) were not asked for"] if self._answers else []
        if self._troubles or left:
            raise AssertionError("; ".join([*self._troubles, *left]))

    def __enter__(self) -> Self:
        self._thread = _Thread(self)
        self._thread.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._thread is not None, "entered before"
        self._thread.end()
        if kind is None:
            self.check_done()

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=MAX_HEAD * 1024)
        return _Connection(reader, self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        try:
            while (request := await read_request(reader, number)) is not None:
                self.requests.append(request)
                await self._answer(request, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # only `stop` cancels; nobody waits for this task to be cancelled in turn
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        connection = writer.transport.get_protocol()
        assert isinstance(connection, _Connection), "made by `_protocol`"
        answering = asyncio.create_task(self._perform(request, writer))
        leaving = asyncio.create_task(connection.is_gone.wait())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            request.is_abandoned = not answering.done()
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            request.ended.set()

    async def _perform(self, request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        try:
            async with aclosing(self.responder(request)) as actions:
                async for action in actions:
                    await _do(action, writer)
        except ConnectionError:
            request.is_abandoned = True
        except Exception as error:  # noqa: BLE001 - a responder's own mistake must fail the test, not only its answer
            self._troubles.append(f"answering {request.method} {request.target}: {error!r}")
            writer.transport.abort()

    async def _play(self, request: ReceivedRequest) -> AsyncGenerator[Action]:
        if not self._answers:
            self._troubles.append(f"no answer was left for {request.method} {request.target}")
            yield json_response({"error": "the test has no answer left for this request"}, 500)
            return
        for action in self._answers.pop(0):
            yield action


async def _do(action: Action, writer: asyncio.StreamWriter) -> None:
    match action:
        case bytes():
            writer.write(action)
            await writer.drain()
        case Pause():
            await action.hold()
        case Delay(seconds):
            await asyncio.sleep(seconds)
        case End.CLOSE:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        case End.RESET:
            linger_not = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
            writer.transport.abort()


class _Connection(asyncio.StreamReaderProtocol):
    """Streams, and the knowledge that the client has left, even while nobody reads."""

    def __init__(self, reader: asyncio.StreamReader, serve: Any) -> None:
        super().__init__(reader, serve)
        self.is_gone = asyncio.Event()

    def eof_received(self) -> bool | None:
        self.is_gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_gone.set()
        super().connection_lost(exc)


class _Thread:
    """Runs a server in a thread with an event loop of its own, for tests that are not async."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),), daemon=True)

    def begin(self) -> None:
        self._thread.start()
        if not self._ready.wait(START_LIMIT):
            raise TimeoutError("the server did not come up")

    def end(self) -> None:
        if self._loop:
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(START_LIMIT)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.__aenter__()
        self._ready.set()
        await self._over.wait()
        await self._server.stop()
