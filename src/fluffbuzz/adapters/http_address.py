"""Where a request goes on the network: address, Host header, proxy, and whom to trust on the way.

Everything that a library would refuse in words that quote the key is refused here first.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

import httpcore2

from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.core.route import origin_of, route_of
from fluffbuzz.ports import TransportFault

_PATH_CHARACTERS = "/?#[]@!$&'()*+,;=:%-._~"
"""What may stand in the target of a request as it is; everything else is percent-encoded."""

_NO_SUCH_PROXY = (
    "the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used: "
    "it must be an http:// or https:// address"
)


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what HTTP cannot carry before a library does, whose words would quote the key."""
    for name, value in headers.items():
        text = name + value
        if not (text.isascii() and text.isprintable()) or value != value.strip() or not name or set(name) & set(" :"):
            words = f"the header {name} cannot be sent: it holds a line end, a space at an end, or no ASCII"
            raise TransportFault(Failure(FailureKind.BAD_REQUEST, words))


def proxy_for(url: str) -> str:
    """The proxy that the environment names for a URL, or empty; never one for this machine."""
    if route_of(url).is_loopback:
        return ""
    from urllib.request import getproxies, proxy_bypass  # slow to import, and for other machines only

    parts = urlsplit(url)
    proxies = getproxies()
    found = proxies.get(parts.scheme.lower()) or proxies.get("all") or ""
    return "" if not found or proxy_bypass(parts.netloc.rpartition("@")[2]) else found


def proxy(address: str) -> httpcore2.Proxy:
    """A proxy by its address, with the user that the address may name.

    Raises:
        TransportFault: it is no http:// or https:// address.
    """
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TransportFault(Failure(FailureKind.BAD_REQUEST, _NO_SUCH_PROXY))
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore2.Proxy(origin_of(parts.geturl()), auth=user)


def address(url: str) -> httpcore2.URL:
    """A URL as the library wants it: host names beyond ASCII in their IDNA form."""
    if not url.isprintable():
        raise ValueError("the address holds characters that none may hold")
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna")
    path = quote(f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/", safe=_PATH_CHARACTERS)
    return httpcore2.URL(scheme=parts.scheme.encode(), host=host, port=parts.port, target=path.encode())


def host(url: str) -> str:
    """The Host header: the port only where it is not the scheme's own."""
    parts = urlsplit(url)
    name = (parts.hostname or "").encode("idna").decode()
    name = f"[{name}]" if ":" in name else name
    is_usual = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme.lower()))
    return name if is_usual else f"{name}:{parts.port}"


def trust(ca_file: str) -> ssl.SSLContext:
    """Whom to trust: the system's authorities, and those of a PEM file if one is named.

    Raises:
        TransportFault: the file cannot be used.
    """
    context = httpcore2.default_ssl_context() if not ca_file else ssl.create_default_context()
    if not ca_file:
        return context
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        words = f"the certificate authority file {ca_file} cannot be used: {error}"
        raise TransportFault(Failure(FailureKind.TLS, words)) from error
    return context
