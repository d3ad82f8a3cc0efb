"""HTTP by httpcore2: exactly the given headers, no retries, no redirect to another origin, loopback past every proxy.

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

import httpcore2

from fluffbuzz.adapters.http_address import address, check_headers, host, proxy, proxy_for, trust
from fluffbuzz.core.deadlines import Deadlines
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.route import origin_of
from fluffbuzz.ports import HttpRequest, TransportFault

KEEP_ALIVE = 4.0
"""Seconds that an idle connection is kept."""

MAX_REDIRECTS = 3
"""Redirects within one origin that are followed."""

_LIBRARY_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


class Response:
    """A response whose body arrives piece by piece, each within its time limit."""

    def __init__(self, response: httpcore2.Response, waiting: _Waiting) -> None:
        self._response = response
        self._waiting = waiting

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields, names in lower case."""
        return _fields(self._response)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives.

        Raises:
            TransportFault: it broke off, or nothing came in time.
        """
        async with aclosing(_body(self._response)) as chunks:
            while True:
                with _faults():
                    async with self._waiting.for_bytes():
                        chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk


def _fields(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


async def _body(response: httpcore2.Response) -> AsyncGenerator[bytes]:
    async for chunk in response.aiter_stream():
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
        self._keep_alive = keep_alive
        self._pools: dict[tuple[bool, str, str], httpcore2.AsyncConnectionPool] = {}
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
        check_headers(request.headers)
        waiting = _Waiting(deadlines)
        with _faults():
            async with waiting.for_bytes():
                response = await self._send(request, deadlines)
        try:
            _check_plain(response)
            waiting.again()
            yield Response(response, waiting)
        finally:
            await response.aclose()

    async def _send(self, request: HttpRequest, deadlines: Deadlines) -> httpcore2.Response:
        url = request.url
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._send_once(request, url, deadlines)
            if response.status not in (301, 302, 303, 307, 308):
                return response
            await response.aclose()
            url = _target(url, response)
        raise TransportFault(Failure(FailureKind.REDIRECTED, f"{request.url} redirects in circles"))

    async def _send_once(self, request: HttpRequest, url: str, deadlines: Deadlines) -> httpcore2.Response:
        target = address(url)
        length = [("content-length", str(len(request.body)))] if request.body else []
        message = httpcore2.Request(
            request.method,
            target,
            headers=[("host", host(url)), *request.headers.items(), *length],
            content=request.body or None,
            extensions={"timeout": {"connect": deadlines.connect, "write": deadlines.idle, "pool": deadlines.connect}},
        )
        pool = await self._pool(url, request.ca_file)
        try:
            return await pool.handle_async_request(message)
        except (httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as error:
            words = f"no connection within {deadlines.connect:g} s (limit: connect)"
            raise TransportFault(Failure(FailureKind.CONNECT_TIMEOUT, words)) from error
        except httpcore2.WriteTimeout as error:
            words = f"the request could not be sent on for {deadlines.idle:g} s (limit: idle)"
            raise TransportFault(Failure(FailureKind.TIMEOUT, words)) from error

    async def _pool(self, url: str, ca_file: str) -> httpcore2.AsyncConnectionPool:
        tls, through = not url.lower().startswith("http://"), proxy_for(url)
        key = (tls, ca_file, through)
        if key not in self._pools:
            trusted = trust(ca_file) if tls or through else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused, and cheap
            pool = httpcore2.AsyncConnectionPool(
                trusted,
                proxy=proxy(through) if through else None,
                max_connections=None,
                keepalive_expiry=self._keep_alive,
                retries=0,
            )
            self._pools[key] = await self._stack.enter_async_context(pool)
        return self._pools[key]


def _check_plain(response: httpcore2.Response) -> None:
    encoding = _fields(response).get("content-encoding", "identity")
    if encoding != "identity":
        words = f"the answer is compressed ({encoding}), which was not asked for"
        raise TransportFault(Failure(FailureKind.PROTOCOL, words, response.status))


def _target(url: str, response: httpcore2.Response) -> str:
    """Where a redirect leads, within the origin."""
    location = _fields(response).get("location", "")
    try:
        target = urljoin(url, location)
        origin = origin_of(target)
    except ValueError:
        words = f"{url} redirects to something that is no address: {location}"
        raise TransportFault(Failure(FailureKind.REDIRECTED, words, response.status)) from None
    if origin != origin_of(url):
        words = f"{url} redirects to another origin, {origin}, where its key must not go"
        raise TransportFault(Failure(FailureKind.REDIRECTED, words, response.status))
    return target


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what httpcore2 raises into a fault that says what happened."""
    try:
        yield
    except _LIBRARY_ERRORS as error:
        raise TransportFault(_failure(error)) from error
    except (OSError, ValueError) as error:
        raise TransportFault(Failure(FailureKind.PROTOCOL, _words(error))) from error


def _failure(error: Exception) -> Failure:
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
        case httpcore2.LocalProtocolError() | httpcore2.UnsupportedProtocol():
            return FailureKind.PROTOCOL
        case httpcore2.RemoteProtocolError():
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
