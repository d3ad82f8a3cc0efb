"""The fake server: every byte as the test says, every request as it came, nothing overlooked."""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from contextlib import closing

import pytest
import trustme

from fluffbuzz.testing import Delay, End, FakeServer, Pause, chunk, event_stream, response, split, stream_head
from fluffbuzz.testing.raw_http import LAST_CHUNK

pytestmark = pytest.mark.anyio

REQUEST = b"POST /v1/x?y=1 HTTP/1.1\r\nHost: here\r\nX-Odd:  Spelling \r\nContent-Length: 3\r\n\r\nabc"


async def exchange(server: FakeServer, request: bytes = REQUEST, size: int = -1) -> bytes:
    """Send bytes, and read what comes until the server closes, or so many bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with closing(writer):
        writer.write(request)
        return await (reader.read() if size < 0 else reader.readexactly(size))


class TestWhatItReceives:
    async def test_is_kept_byte_for_byte(self) -> None:
        async with FakeServer([response(), End.CLOSE]) as server:
            await exchange(server)
            (request,) = server.requests
            assert request.head + request.body == REQUEST
            assert (request.method, request.target, request.body) == ("POST", "/v1/x?y=1", b"abc")
            assert request.headers == [("Host", "here"), ("X-Odd", "Spelling"), ("Content-Length", "3")]
            assert (request.header("x-odd"), request.header("none")) == ("Spelling", None)

    async def test_may_come_in_chunks(self) -> None:
        body = chunk(b'{"a":') + chunk(b"1}") + LAST_CHUNK
        async with FakeServer([response(), End.CLOSE]) as server:
            await exchange(server, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
            assert server.requests[0].body == body

    async def test_several_requests_may_share_a_connection(self) -> None:
        answer = response(b"x")
        async with FakeServer(answer, answer) as server:
            assert await exchange(server, REQUEST * 2, 2 * len(answer)) == answer * 2
            assert [request.connection for request in server.requests] == [1, 1]
            assert server.connections == 1


class TestWhatItSends:
    @pytest.mark.parametrize("raw", [b"HTTP/1.1 200 OK\r\n\r\nraw", b"nonsense"])
    async def test_is_exactly_what_the_test_says(self, raw: bytes) -> None:
        async with FakeServer([*split(raw, 3), Delay(0), End.CLOSE]) as server:
            assert await exchange(server) == raw

    async def test_may_be_a_stream_of_events(self) -> None:
        async with FakeServer([*event_stream({"a": 1}, "[DONE]"), End.CLOSE]) as server:
            got = await exchange(server)
            assert got == stream_head() + chunk(b'data: {"a":1}\n\n') + chunk(b"data: [DONE]\n\n") + LAST_CHUNK

    async def test_waits_at_a_pause(self) -> None:
        pause = Pause()
        async with FakeServer([b"one", pause, b"two", End.CLOSE]) as server:
            task = asyncio.create_task(exchange(server))
            await pause.reached()
            assert not task.done()
            pause.release()
            assert await task == b"onetwo"

    async def test_may_be_a_reset(self) -> None:
        async with FakeServer([End.RESET]) as server:
            with pytest.raises(ConnectionResetError):
                await exchange(server)

    async def test_may_go_through_tls(self) -> None:
        ca = trustme.CA()
        ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        ca.issue_cert("127.0.0.1").configure_cert(ours)
        ca.configure_trust(theirs)
        async with FakeServer([b"safe", End.CLOSE], ssl_context=ours) as server:
            assert server.base_url == f"https://127.0.0.1:{server.port}/v1"
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=theirs)
            writer.write(REQUEST)
            assert await reader.read() == b"safe"
            writer.close()


class TestWhatItNotices:
    async def test_a_client_that_leaves_in_the_middle(self) -> None:
        async with FakeServer([b"one", Pause()]) as server:
            await exchange(server, size=3)
            await server.requests[0].ended.wait()
            assert server.requests[0].is_abandoned

    async def test_a_client_that_stays_to_the_end(self) -> None:
        async with FakeServer([b"one"]) as server:
            await exchange(server, size=3)
            await server.requests[0].ended.wait()
            assert not server.requests[0].is_abandoned

    async def test_an_answer_that_nobody_asked_for(self) -> None:
        with pytest.raises(AssertionError, match="1 answer"):
            async with FakeServer(response()):
                pass

    async def test_a_request_without_an_answer(self) -> None:
        server = FakeServer()
        async with server:
            assert (await exchange(server, size=12)) == b"HTTP/1.1 500"
            await server.stop()
            with pytest.raises(AssertionError, match="no answer was left for POST"):
                server.check_done()
            server._troubles.clear()

    async def test_its_own_mistakes(self) -> None:
        async def mistaken(_: object):  # type: ignore[no-untyped-def]
            yield b"one"
            raise ZeroDivisionError

        server = FakeServer(responder=mistaken)
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            async with server:
                await exchange(server)


async def test_it_can_be_stopped_and_started_again_at_the_same_place() -> None:
    server = FakeServer([b"one", End.CLOSE], [b"two", End.CLOSE])
    async with server:
        assert await exchange(server) == b"one"
        await server.stop()
        with pytest.raises(ConnectionRefusedError):
            await exchange(server)
        async with server:
            assert await exchange(server) == b"two"


def test_it_serves_from_a_thread_of_its_own_for_tests_that_are_not_async() -> None:
    pause = Pause()
    with FakeServer([*split(response(b"{}"), 30), pause], response(b"[]")) as server:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{server.base_url}/models", timeout=10) as answer:
            assert answer.read() == b"{}"
            assert pause.wait_until_reached(10)
        pause.release()
        with opener.open(f"{server.base_url}/models", timeout=10) as answer:
            assert answer.read() == b"[]"
    assert [request.target for request in server.requests] == ["/v1/models", "/v1/models"]
