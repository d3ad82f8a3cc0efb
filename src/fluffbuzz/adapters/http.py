"""HTTP by httpx2: exactly the given headers, no retries, no redirect to another origin, loopback past every proxy.

Idle connections are dropped after `KEEP_ALIVE` seconds, before servers that close theirs after 5 can reset a request.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Self
from urllib.parse import urljoin

import httpx2

from fluffbuzz.core.deadlines import Deadlines
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.route import origin_of, route_of
from fluffbuzz.ports import HttpRequest, TransportFault

KEEP_ALIVE = 4.0
"""Seconds that an idle connection is kept."""

MAX_REDIRECTS = 3
"""Redirects within one origin that are followed."""

_NO_SUCH_PROXY = (
    "the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used: "
    "it must be an http:// or https:// address"
)


class Response:
    """A response whose body arrives piece by piece, each within its time limit."""

    def __init__(self, response: httpx2.Response, waiting: _Waiting) -> None:
        self._response = response
        self._waiting = waiting

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, names in lower case."""
        return dict(self._response.headers)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives.

        Raises:
            TransportFault: it broke off, or nothing came in time.
        """
        async with aclosing(self._response.aiter_bytes()) as chunks:
            while True:
                with _faults():
                    async with self._waiting.for_bytes():
                        chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk


class _Waiting:
    """Which limit applies to the next wait: first token, then idle, and the total over all of them."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._started = asyncio.get_running_loop().time()
        self._limit = ("first token", deadlines.first_token)

    def again(self) -> None:
        """The head of the response has come; the first token of its body may take its full time."""
        self._limit = ("first token", self._deadlines.first_token)

    @asynccontextmanager
    async def for_bytes(self) -> AsyncIterator[None]:
        """Bound one wait; the first one that ends well hands over to the idle limit."""
        name, seconds = self._limit
        words = f"nothing came within {seconds:g} s (limit: {name})"
        if self._deadlines.total is not None:
            left = self._deadlines.total - (asyncio.get_running_loop().time() - self._started)
            if left < seconds:
                seconds = max(0.0, left)
                words = f"the answer was not complete within {self._deadlines.total:g} s (limit: total)"
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise TransportFault(Failure(FailureKind.TIMEOUT, words)) from None
        self._limit = ("idle", self._deadlines.idle)


class HttpTransport:
    """Keeps one connection pool for each way of reaching servers: by TLS or not, CA file, past proxies or not.

    Args:
        keep_alive: seconds that an idle connection is kept.
    """

    def __init__(self, keep_alive: float = KEEP_ALIVE) -> None:
        self._limits = httpx2.Limits(keepalive_expiry=keep_alive)
        self._clients: dict[tuple[bool, str, bool], httpx2.AsyncClient] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def open(self, request: HttpRequest, deadlines: Deadlines) -> AsyncIterator[Response]:
        """Send a request and hand out the response; leaving the context closes what was not read.

        Raises:
            TransportFault: nothing usable came back.
        """
        _check_headers(request.headers)
        waiting = _Waiting(deadlines)
        with _faults():
            async with waiting.for_bytes():
                response = await self._send(request, deadlines)
        try:
            waiting.again()
            yield Response(response, waiting)
        finally:
            await response.aclose()

    async def _send(self, request: HttpRequest, deadlines: Deadlines) -> httpx2.Response:
        url = request.url
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._send_once(request, url, deadlines)
            if response.status_code not in (301, 302, 303, 307, 308):
                return response
            await response.aclose()
            url = _target(url, response)
        raise TransportFault(Failure(FailureKind.REDIRECTED, f"{request.url} redirects in circles"))

    async def _send_once(self, request: HttpRequest, url: str, deadlines: Deadlines) -> httpx2.Response:
        client = await self._client(url, request.ca_file)
        timeout = {"connect": deadlines.connect, "read": None, "write": deadlines.idle, "pool": deadlines.connect}
        message = httpx2.Request(
            request.method,
            url,
            headers=dict(request.headers),
            content=request.body or None,
            extensions={"timeout": timeout},
        )
        try:
            return await client.send(message, stream=True, auth=None)
        except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            words = f"no connection within {deadlines.connect:g} s (limit: connect)"
            raise TransportFault(Failure(FailureKind.CONNECT_TIMEOUT, words)) from error
        except httpx2.WriteTimeout as error:
            words = f"the request could not be sent on for {deadlines.idle:g} s (limit: idle)"
            raise TransportFault(Failure(FailureKind.TIMEOUT, words)) from error

    async def _client(self, url: str, ca_file: str) -> httpx2.AsyncClient:
        loopback, tls = route_of(url).is_loopback, not url.lower().startswith("http://")
        key = (tls, ca_file, loopback)
        if key not in self._clients:
            trust = _trust(ca_file) if tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused; the real one is slow
            try:
                client = httpx2.AsyncClient(trust_env=not loopback, limits=self._limits, verify=trust)
            except (ValueError, ImportError) as error:
                raise TransportFault(Failure(FailureKind.BAD_REQUEST, _NO_SUCH_PROXY)) from error
            self._clients[key] = await self._stack.enter_async_context(client)
        return self._clients[key]


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what HTTP cannot carry before a library does, whose words would quote the key."""
    for name, value in headers.items():
        text = name + value
        if not (text.isascii() and text.isprintable()) or value != value.strip() or not name or set(name) & set(" :"):
            words = f"the header {name} cannot be sent: it holds a line end, a space at an end, or no ASCII"
            raise TransportFault(Failure(FailureKind.BAD_REQUEST, words))


def _target(url: str, response: httpx2.Response) -> str:
    """Where a redirect leads, within the origin."""
    location = response.headers.get("location", "")
    try:
        target = urljoin(url, location)
        origin = origin_of(target)
    except ValueError:
        words = f"{url} redirects to something that is no address: {location}"
        raise TransportFault(Failure(FailureKind.REDIRECTED, words, response.status_code)) from None
    if origin != origin_of(url):
        words = f"{url} redirects to another origin, {origin}, where its key must not go"
        raise TransportFault(Failure(FailureKind.REDIRECTED, words, response.status_code))
    return target


def _trust(ca_file: str) -> ssl.SSLContext | bool:
    if not ca_file:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        words = f"the certificate authority file {ca_file} cannot be used: {_words(error)}"
        raise TransportFault(Failure(FailureKind.TLS, words)) from error
    return context


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what httpx2 raises into a fault that says what happened."""
    try:
        yield
    except httpx2.HTTPError as error:
        raise TransportFault(_failure(error)) from error
    except (OSError, httpx2.InvalidURL) as error:
        raise TransportFault(Failure(FailureKind.PROTOCOL, _words(error))) from error


def _failure(error: httpx2.HTTPError) -> Failure:
    causes = list(_causes(error))
    kind = next((kind for cause in causes for kind in [_kind(cause)] if kind), FailureKind.CONNECTION_LOST)
    return Failure(kind, _words(causes[-1]) or _words(error))


def _kind(cause: BaseException) -> FailureKind | None:
    match cause:
        case ssl.SSLError():
            return FailureKind.TLS
        case socket.gaierror():
            return FailureKind.NAME_NOT_FOUND
        case ConnectionRefusedError():
            return FailureKind.REFUSED
        case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol() | httpx2.DecodingError():
            return FailureKind.PROTOCOL
        case httpx2.RemoteProtocolError():
            return _protocol_kind(str(cause))
        case _:
            return None


def _protocol_kind(words: str) -> FailureKind:
    lost = "disconnected" in words or "closed connection" in words
    return FailureKind.CONNECTION_LOST if lost else FailureKind.PROTOCOL


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and everything that led to it, groups unfolded."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        if isinstance(seen, BaseExceptionGroup):
            for inner in seen.exceptions:
                yield from _causes(inner)
        seen = seen.__cause__ or seen.__context__


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
