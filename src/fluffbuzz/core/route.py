"""What kind of endpoint a base URL is, and what may be sent there.

What OpenAI alone understands goes to OpenAI alone: every other endpoint is *proxy-style*. Which hosts are native is
data of their provider; this module only compares. Locality is worked out here once, for time limits, proxies and keys.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from fluffbuzz.core.models import Compat

_SHARED_ADDRESS_SPACE = ipaddress.ip_network("100.64.0.0/10")


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint's nature.

    Attributes:
        origin: `scheme://host:port`, the unit to which a key belongs.
        is_native: whether the host is one of its provider's native hosts.
        is_loopback: whether it is this very machine (proxy variables are then ignored).
        is_local: whether it is this machine or a private network (slow prefill is then normal).
    """

    origin: str
    is_native: bool
    is_loopback: bool
    is_local: bool


def origin_of(url: str) -> str:
    """`scheme://host:port` of a URL, in lower case, the default port spelled out."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower(), 0)
    return f"{parts.scheme.lower()}://{f'[{host}]' if ':' in host else host}:{port}"


def route_of(base_url: str, native_hosts: Collection[str] = ()) -> Route:
    """Judge a base URL by its host alone; a native host matches itself and its subdomains."""
    host = (urlsplit(base_url).hostname or "").lower().rstrip(".")
    is_native = any(host == native or host.endswith("." + native) for native in native_hosts)
    loopback = _is_loopback(host)
    return Route(origin_of(base_url), is_native, loopback, loopback or _is_private(host))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_loopback(host: str) -> bool:
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _is_private(host: str) -> bool:
    address = _address(host)
    if address is None:
        return "." not in host or host.endswith((".local", ".internal", ".lan", ".home.arpa"))
    return address.is_private or address.is_link_local or address in _SHARED_ADDRESS_SPACE


@dataclass(frozen=True, slots=True)
class Permits:
    """What a request to an endpoint may carry."""

    store: bool
    service_tier: bool
    prompt_cache_key: bool
    developer_role: bool
    strict_tools: bool
    reasoning_effort: bool
    stream_usage: bool
    temperature: bool
    tools: bool
    max_tokens_field: str


def permits(route: Route, compat: Compat) -> Permits:
    """What may be sent: native endpoints get everything, others only what a model row's compat explicitly allows."""
    native = route.is_native
    return Permits(
        store=_either(compat.supports_store, native),
        service_tier=native,
        prompt_cache_key=_either(compat.supports_prompt_cache_key, native),
        developer_role=_either(compat.supports_developer_role, native),
        strict_tools=_either(compat.supports_strict_mode, native),
        reasoning_effort=_either(compat.supports_reasoning_effort, native),
        stream_usage=_either(compat.supports_usage_in_streaming, True),
        temperature=_either(compat.supports_temperature, True),
        tools=_either(compat.supports_tools, True),
        max_tokens_field=compat.max_tokens_field or ("max_completion_tokens" if native else "max_tokens"),
    )


def _either(explicit: bool | None, default: bool) -> bool:  # noqa: FBT001 -- a flag and its default, nothing else
    return default if explicit is None else explicit
