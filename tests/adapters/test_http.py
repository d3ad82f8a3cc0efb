"""What the HTTP transport promises, over real sockets: whom it talks to, for how long, and how it fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from fluffbuzz.adapters.http import KEEP_ALIVE, MAX_REDIRECTS, HttpTransport
from fluffbuzz.core.deadlines import Deadlines
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.ports import HttpRequest, TransportFault
from fluffbuzz.runtime.exchange import read_bounded
from fluffbuzz.testing import End, FakeServer, Pause, chunk, redirect, response, split, stream_head

pytestmark = pytest.mark.anyio

PATIENT = Deadlines(connect=10.0, first_token=10.0, idle=10.0)
BRIEF = 0.05
"""Seconds of a limit that a test waits for."""

KEY = {"authorization": "Bearer s3cret"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    async with HttpTransport() as made:
        yield made


def get(url: str, **more: str) -> HttpRequest:
    return HttpRequest("GET", url, KEY, **more)


async def fetch(transport: HttpTransport, request: HttpRequest, deadlines: Deadlines = PATIENT) -> bytes:
    async with transport.open(request, deadlines) as answer:
        return await read_bounded(answer, 1_000_000)


async def failure_of(transport: HttpTransport, request: HttpRequest, deadlines: Deadlines = PATIENT) -> Failure:
    with pytest.raises(TransportFault) as caught:
        await fetch(transport, request, deadlines)
    assert "s3cret" not in str(caught.value)
    return caught.value.failure


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
            (client,) = transport._clients.values()
            assert client._transport._pool._keepalive_expiry == KEEP_ALIVE < 5.0  # type: ignore[attr-defined]


class TestProxies:
    @pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    async def test_loopback_goes_past_every_proxy(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, host: str
    ) -> None:
        async with FakeServer() as proxy, FakeServer(response(b"direct")) as server, HttpTransport() as transport:
            monkeypatch.setenv(variable, proxy.origin)
            assert await fetch(transport, get(f"http://{host}:{server.port}/v1/models")) == b"direct"
            assert proxy.connections == 0

    async def test_other_hosts_are_reached_through_the_configured_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with FakeServer(response(b"by proxy")) as proxy, HttpTransport() as transport:
            monkeypatch.setenv("HTTP_PROXY", proxy.origin)
            assert await fetch(transport, get("http://models.example/v1/models")) == b"by proxy"
            assert proxy.requests[0].target == "http://models.example/v1/models"

    @pytest.mark.parametrize("proxy", ["socks5://user:s3cret@127.0.0.1:1", "gopher://user:s3cret@127.0.0.1:1"])
    async def test_a_proxy_that_cannot_be_used_is_a_fault_that_does_not_quote_it(
        self, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, proxy: str
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", proxy)
        assert "ALL_PROXY" in (await failure_of(transport, get("http://models.example/v1/models"))).message


class TestRedirects:
    async def test_within_one_origin_they_are_followed_with_the_key(self, transport: HttpTransport) -> None:
        async with FakeServer(redirect("/v1/models/"), response(b"moved here")) as server:
            assert await fetch(transport, get(f"{server.origin}/v1/models")) == b"moved here"
            assert [request.target for request in server.requests] == ["/v1/models", "/v1/models/"]
            assert server.requests[1].header("authorization") == "Bearer s3cret"

    async def test_a_post_is_sent_again_with_its_body(self, transport: HttpTransport) -> None:
        async with FakeServer(redirect("/there"), response()) as server:
            await fetch(transport, HttpRequest("POST", f"{server.origin}/here", KEY, b"{}"))
            assert [(request.method, request.body) for request in server.requests] == [("POST", b"{}")] * 2

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_to_another_origin_they_are_refused_and_the_key_is_not_sent_there(
        self, transport: HttpTransport, status: int
    ) -> None:
        async with FakeServer() as elsewhere, FakeServer(redirect(f"{elsewhere.origin}/v1", status)) as server:
            failure = await failure_of(transport, get(server.base_url))
            assert failure.kind is FailureKind.REDIRECTED
            assert elsewhere.origin in failure.message
            assert elsewhere.connections == 0

    async def test_to_a_safer_scheme_is_another_origin_too(self, transport: HttpTransport) -> None:
        async with FakeServer(redirect("https://127.0.0.1/v1")) as server:
            assert (await failure_of(transport, get(server.base_url))).kind is FailureKind.REDIRECTED

    async def test_in_circles_they_come_to_an_end(self, transport: HttpTransport) -> None:
        async with FakeServer(*[redirect("/again")] * (MAX_REDIRECTS + 1)) as server:
            assert (await failure_of(transport, get(server.base_url))).kind is FailureKind.REDIRECTED

    @pytest.mark.parametrize("location", ["http://[broken/", "http://127.0.0.1:notaport/"])
    async def test_to_something_that_is_no_address_is_a_fault(self, transport: HttpTransport, location: str) -> None:
        async with FakeServer(redirect(location)) as server:
            failure = await failure_of(transport, get(server.base_url))
            assert failure.kind is FailureKind.REDIRECTED
            assert location in failure.message


@dataclass(frozen=True)
class Authority:
    """A private certificate authority: its file, and a server's side of TLS."""

    ca_file: str
    server_side: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost").configure_cert(server_side)
    return Authority(str(path), server_side)


class TestTls:
    async def test_a_private_authority_is_trusted_where_its_file_is_given(
        self, transport: HttpTransport, authority: Authority
    ) -> None:
        async with FakeServer(response(b"safe"), ssl_context=authority.server_side) as server:
            assert await fetch(transport, get(server.base_url, ca_file=authority.ca_file)) == b"safe"

    async def test_an_unknown_authority_is_refused(self, transport: HttpTransport, authority: Authority) -> None:
        async with FakeServer(ssl_context=authority.server_side) as server:
            failure = await failure_of(transport, get(server.base_url))
            assert failure.kind is FailureKind.TLS
            assert "certificate" in failure.message

    async def test_a_certificate_for_another_name_is_refused(self, transport: HttpTransport, tmp_path: Path) -> None:
        ca = trustme.CA()
        ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("elsewhere.example").configure_cert(server_side)
        async with FakeServer(ssl_context=server_side) as server:
            failure = await failure_of(transport, get(server.base_url, ca_file=str(tmp_path / "ca.pem")))
            assert failure.kind is FailureKind.TLS

    async def test_a_plain_request_before_it_does_not_take_trust_away(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trusting = ssl.create_default_context(cafile=authority.ca_file)
        monkeypatch.setattr("fluffbuzz.adapters.http._trust", lambda ca_file: trusting)
        async with (
            FakeServer(response()) as plain,
            FakeServer(response(b"safe"), ssl_context=authority.server_side) as server,
            HttpTransport() as transport,
        ):
            await fetch(transport, get(plain.base_url))
            assert await fetch(transport, get(server.base_url)) == b"safe"

    @pytest.mark.parametrize("content", [None, "no certificate"])
    async def test_an_authority_file_that_cannot_be_used_is_named(
        self, transport: HttpTransport, tmp_path: Path, content: str | None
    ) -> None:
        path = tmp_path / "private-ca.pem"
        if content is not None:
            path.write_text(content)
        failure = await failure_of(transport, get("https://127.0.0.1:1/v1", ca_file=str(path)))
        assert failure.kind is FailureKind.TLS
        assert str(path) in failure.message


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

    async def test_a_url_that_is_none(self, transport: HttpTransport) -> None:
        assert (await failure_of(transport, get("ftp://127.0.0.1/v1"))).kind is FailureKind.PROTOCOL


class TestTimeLimits:
    @pytest.mark.parametrize(
        ("limits", "answer", "named"),
        [
            ({"first_token": BRIEF}, [Pause()], "first token"),
            ({"first_token": BRIEF}, [stream_head(), Pause()], "first token"),
            ({"idle": BRIEF}, [stream_head(), chunk(b"one"), Pause()], "idle"),
            ({"total": BRIEF}, [Pause()], "total"),
            ({"total": BRIEF}, [stream_head(), chunk(b"one"), Pause()], "total"),
        ],
    )
    async def test_silence_ends_with_the_limit_named(
        self, transport: HttpTransport, limits: dict[str, float], answer: list[bytes | Pause], named: str
    ) -> None:
        async with FakeServer(answer) as server:
            failure = await failure_of(transport, get(server.base_url), replace(PATIENT, **limits))
        assert failure.kind is FailureKind.TIMEOUT
        assert failure.message.startswith("nothing came within 0.0")
        assert failure.message.endswith(f"(limit: {named})")

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


class TestHeaders:
    @pytest.mark.parametrize(
        "key", ["s3cret\n", "s3cret\r\nx: y", " s3cret", "s3cr\u00e9t", "s3cret\x00", "s3cret\u2019"]
    )
    async def test_a_key_that_http_cannot_carry_is_refused_without_being_quoted(
        self, transport: HttpTransport, key: str
    ) -> None:
        async with FakeServer() as server:
            request = HttpRequest("GET", server.base_url, {"authorization": key})
            failure = await failure_of(transport, request)
            assert "authorization" in failure.message
            assert key.strip() not in failure.message
            assert server.connections == 0

    async def test_cookies_that_a_server_sets_are_not_sent_back(self, transport: HttpTransport) -> None:
        async with FakeServer(response(headers={"set-cookie": "who=you"}), response()) as server:
            await fetch(transport, get(server.base_url))
            await fetch(transport, get(server.base_url))
            assert server.requests[1].header("cookie") is None
