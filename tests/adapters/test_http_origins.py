"""Whom the HTTP transport talks to, and where a key may go: proxies, redirects, certificates, headers."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from tests.adapters.http_scene import KEY, failure_of, fetch, get

from fluffbuzz.adapters.http import MAX_REDIRECTS, HttpTransport
from fluffbuzz.core.failure import FailureKind
from fluffbuzz.ports import HttpRequest
from fluffbuzz.testing import FakeServer, redirect, response

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_proxies")]


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
        monkeypatch.setattr("fluffbuzz.adapters.http.trust", lambda ca_file: trusting)
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
