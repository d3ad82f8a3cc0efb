"""What the HTTP transport promises, over real sockets: what it hands on, for how long it waits, and how it fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

import pytest
from tests.adapters.http_scene import KEY, PATIENT, failure_of, fetch, get

from fluffbuzz.adapters.http import KEEP_ALIVE, HttpTransport
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.ports import HttpRequest, TransportFault
from fluffbuzz.runtime.exchange import read_bounded
from fluffbuzz.testing import Action, End, FakeServer, Pause, ReceivedRequest, chunk, response, split, stream_head

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_proxies")]

BRIEF = 0.05
"""Seconds of a limit that a test waits for."""


async def test_a_response_comes_with_status_headers_and_the_pieces_of_its_body(transport: HttpTransport) -> None:
    go_on = Pause()
    async with (
        FakeServer([stream_head(), chunk(b"one"), go_on, chunk(b"two"), b"0\r\n\r\n"]) as server,
        transport.open(get(server.base_url), PATIENT) as answer,
        aclosing(answer.chunks()) as chunks,
    ):
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert await anext(chunks) == b"one"
        go_on.release()
        assert [piece async for piece in chunks] == [b"two"]


async def test_a_response_may_arrive_byte_by_byte(transport: HttpTransport) -> None:
    async with FakeServer(split(stream_head() + chunk(b"hello") + b"0\r\n\r\n")) as server:
        assert await fetch(transport, get(server.base_url)) == b"hello"


async def test_an_error_status_is_an_answer_and_no_fault(transport: HttpTransport) -> None:
    async with (
        FakeServer(response(b"{}", status=503)) as server,
        transport.open(get(server.base_url), PATIENT) as answer,
    ):
        assert answer.status == 503


async def test_nothing_is_sent_twice_when_a_server_hangs_up(transport: HttpTransport) -> None:
    async with FakeServer([End.CLOSE]) as server:
        assert (await failure_of(transport, get(server.base_url))).kind is FailureKind.CONNECTION_LOST
        assert len(server.requests) == 1


async def test_leaving_early_closes_the_connection(transport: HttpTransport) -> None:
    async with FakeServer([stream_head(), chunk(b"one"), Pause()]) as server:
        async with transport.open(get(server.base_url), PATIENT) as answer, aclosing(answer.chunks()) as chunks:
            await anext(chunks)
        await asyncio.wait_for(server.requests[0].ended.wait(), 10)
        assert server.requests[0].is_abandoned


async def test_leaving_without_having_read_anything_closes_it_too(transport: HttpTransport) -> None:
    async with FakeServer([stream_head(), Pause()]) as server:
        async with transport.open(get(server.base_url), PATIENT):
            pass
        await asyncio.wait_for(server.requests[0].ended.wait(), 10)
        assert server.requests[0].is_abandoned


async def test_cancelling_the_task_closes_the_connection(transport: HttpTransport) -> None:
    stalled = Pause()
    async with FakeServer([stream_head(), chunk(b"one"), stalled]) as server:
        task = asyncio.create_task(fetch(transport, get(server.base_url)))
        await stalled.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.requests[0].ended.wait(), 10)
        assert server.requests[0].is_abandoned


class TestIdleConnections:
    async def test_a_connection_is_used_again_while_it_is_fresh(self, transport: HttpTransport) -> None:
        async with FakeServer(response(), response()) as server:
            await fetch(transport, get(server.base_url))
            await fetch(transport, get(server.base_url))
            assert [request.connection for request in server.requests] == [1, 1]

    async def test_a_connection_that_was_idle_for_too_long_is_not_used_again(self) -> None:
        async with FakeServer(response(), response()) as server, HttpTransport(keep_alive=0.0) as transport:
            await fetch(transport, get(server.base_url))
            await fetch(transport, get(server.base_url))
            assert [request.connection for request in server.requests] == [1, 2]

    async def test_the_limit_lies_below_the_five_seconds_after_which_servers_hang_up(self) -> None:
        async with FakeServer(response()) as server, HttpTransport() as transport:
            await fetch(transport, get(server.base_url))
            (pool,) = transport._pools.values()
            assert pool._keepalive_expiry == KEEP_ALIVE < 5.0


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that another one is neither accepted nor refused."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


class TestUnreachable:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    async def test_a_port_where_nobody_listens(self, transport: HttpTransport, host: str, closed_port: int) -> None:
        failure = await failure_of(transport, get(f"http://{host}:{closed_port}/v1"))
        assert failure.kind is FailureKind.REFUSED

    async def test_a_host_without_an_address(self, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        failure = await failure_of(transport, get("http://nowhere.invalid/v1"))
        assert failure.kind is FailureKind.NAME_NOT_FOUND

    async def test_a_host_that_does_not_accept_in_time_names_the_limit(
        self, transport: HttpTransport, full_port: int
    ) -> None:
        failure = await failure_of(transport, get(f"http://127.0.0.1:{full_port}/"), replace(PATIENT, connect=BRIEF))
        assert failure == Failure(FailureKind.CONNECT_TIMEOUT, "no connection within 0.05 s (limit: connect)")

    async def test_a_host_with_several_addresses_none_of_which_answers(
        self, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, closed_port: int
    ) -> None:
        def two(*_: object, **__: object) -> list[object]:
            stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*stream, ("127.0.0.1", closed_port)), (*stream, ("127.0.0.2", closed_port))]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        failure = await failure_of(transport, get(f"http://both.example:{closed_port}/v1"))
        assert failure.kind is FailureKind.REFUSED

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "http://127.0.0.1:1/\x00"])
    async def test_a_url_that_is_none(self, transport: HttpTransport, url: str) -> None:
        assert (await failure_of(transport, get(url))).kind is FailureKind.PROTOCOL


TOO_LONG = "the answer was not complete within 0.05 s (limit: total)"


class TestTimeLimits:
    @pytest.mark.parametrize(
        ("limits", "answer", "words"),
        [
            ({"first_token": BRIEF}, [Pause()], "nothing came within 0.05 s (limit: first token)"),
            ({"first_token": BRIEF}, [stream_head(), Pause()], "nothing came within 0.05 s (limit: first token)"),
            ({"idle": BRIEF}, [stream_head(), chunk(b"one"), Pause()], "nothing came within 0.05 s (limit: idle)"),
            ({"total": BRIEF}, [Pause()], TOO_LONG),
            ({"total": BRIEF}, [stream_head(), chunk(b"one"), Pause()], TOO_LONG),
        ],
    )
    async def test_silence_ends_with_the_limit_named(
        self, transport: HttpTransport, limits: dict[str, float], answer: list[Action], words: str
    ) -> None:
        async def answering(_: ReceivedRequest) -> AsyncGenerator[Action]:
            for action in answer:
                yield action

        async with FakeServer(responder=answering) as server:  # on a busy machine the request may come too late
            failure = await failure_of(transport, get(server.base_url), replace(PATIENT, **limits))
        assert failure == Failure(FailureKind.TIMEOUT, words)

    async def test_a_request_that_nobody_reads_is_given_up(self, transport: HttpTransport) -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
            request = HttpRequest("POST", url, KEY, b"x" * 32_000_000)
            failure = await failure_of(transport, request, replace(PATIENT, idle=BRIEF))
        assert failure.kind is FailureKind.TIMEOUT
        assert "limit: idle" in failure.message


HEAD = b"HTTP/1.1 200 OK\r\n"


class TestBrokenAnswers:
    async def test_a_reset_in_the_middle_keeps_what_came_before(self, transport: HttpTransport) -> None:
        go_on = Pause()
        async with (
            FakeServer([stream_head(), chunk(b"one"), go_on, End.RESET]) as server,
            transport.open(get(server.base_url), PATIENT) as answer,
            aclosing(answer.chunks()) as chunks,
        ):
            assert await anext(chunks) == b"one"
            go_on.release()
            with pytest.raises(TransportFault) as caught:
                await anext(chunks)
            assert caught.value.failure.kind is FailureKind.CONNECTION_LOST

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ([stream_head(), chunk(b"one"), End.CLOSE], FailureKind.CONNECTION_LOST),
            ([HEAD + b"content-length: 9\r\n\r\nabc", End.CLOSE], FailureKind.CONNECTION_LOST),
            ([HEAD[:9], End.CLOSE], FailureKind.CONNECTION_LOST),
            ([stream_head(), b"no chunk\r\n"], FailureKind.PROTOCOL),
            ([b"no HTTP at all\r\n\r\n"], FailureKind.PROTOCOL),
            ([HEAD + b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"], FailureKind.PROTOCOL),
        ],
    )
    async def test_each_way_of_breaking_has_its_kind(
        self, transport: HttpTransport, answer: list[bytes | End], kind: FailureKind
    ) -> None:
        async with FakeServer(answer) as server:
            assert (await failure_of(transport, get(server.base_url))).kind is kind

    async def test_more_than_the_limit_is_not_read(self, transport: HttpTransport) -> None:
        async with FakeServer([stream_head(), *[chunk(b"x" * 1000)] * 5, Pause()]) as server:
            async with transport.open(get(server.base_url), PATIENT) as answer:
                with pytest.raises(TransportFault, match="longer than 4,000 bytes"):
                    await read_bounded(answer, 4000)
            await asyncio.wait_for(server.requests[0].ended.wait(), 10)
