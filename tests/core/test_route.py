"""Routes: what kind of endpoint a base URL is, and what may be sent there."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.models import Compat
from fluffbuzz.core.route import Permits, Route, origin_of, permits, route_of

LOOPBACK, LOCAL, FAR = (True, True), (False, True), (False, False)


@pytest.mark.parametrize(
    ("host", "nature"),
    [
        ("localhost", LOOPBACK),
        ("LOCALHOST", LOOPBACK),
        ("localhost.", LOOPBACK),
        ("app.localhost", LOOPBACK),
        ("127.0.0.1", LOOPBACK),
        ("127.8.8.8", LOOPBACK),
        ("0.0.0.0", LOOPBACK),
        ("[::1]", LOOPBACK),
        ("[0:0:0:0:0:0:0:1]", LOOPBACK),
        ("[::]", LOOPBACK),
        ("[::ffff:127.0.0.1]", LOOPBACK),
        ("10.0.0.5", LOCAL),
        ("172.16.0.1", LOCAL),
        ("172.31.255.255", LOCAL),
        ("192.168.1.50", LOCAL),
        ("169.254.1.1", LOCAL),
        ("100.64.0.1", LOCAL),
        ("100.127.255.255", LOCAL),
        ("[fe80::1]", LOCAL),
        ("[fe80::1%25eth0]", LOCAL),
        ("[fd12:3456::1]", LOCAL),
        ("[::ffff:192.168.1.50]", LOCAL),
        ("gpu-box", LOCAL),
        ("gpu.local", LOCAL),
        ("host.docker.internal", LOCAL),
        ("gpu.lan", LOCAL),
        ("gpu.home.arpa", LOCAL),
        ("172.32.0.1", FAR),
        ("100.128.0.1", FAR),
        ("8.8.8.8", FAR),
        ("[2001:4860:4860::8888]", FAR),
        ("[::ffff:8.8.8.8]", FAR),
        ("example.com", FAR),
        ("localhost.example.com", FAR),
        ("local.example.com", FAR),
        ("notlocalhost.com", FAR),
        ("127.0.0.1.example.com", FAR),
        ("mylocal", LOCAL),
    ],
)
def test_a_host_is_this_machine_a_private_network_or_far_away(host: str, nature: tuple[bool, bool]):
    for scheme, port in (("http", ":8000"), ("https", ""), ("HTTP", ":1")):
        route = route_of(f"{scheme}://{host}{port}/v1")
        assert (route.is_loopback, route.is_local) == nature


NATIVE_HOSTS = ("api.native.example", "cloud.example")


@pytest.mark.parametrize(
    ("url", "is_native"),
    [
        ("https://api.native.example/v1", True),
        ("https://API.Native.Example/v1", True),
        ("https://api.native.example./v1", True),
        ("https://eu.api.native.example/v1", True),
        ("https://mine.cloud.example:8443/x", True),
        ("https://native.example/v1", False),
        ("https://evilapi.native.example/v1", False),
        ("https://api.native.example.evil.com/v1", False),
        ("https://evil.com/api.native.example/v1", False),
        ("https://api.native.example@evil.com/v1", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
def test_an_endpoint_is_native_by_its_host_alone(url: str, is_native: bool):
    assert route_of(url, NATIVE_HOSTS).is_native is is_native
    assert not route_of(url).is_native


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("http://Example.com/v1", "http://example.com:80"),
        ("HTTPS://Example.com/v1", "https://example.com:443"),
        ("https://example.com:443/other", "https://example.com:443"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
        ("http://[::1]", "http://[::1]:80"),
        ("ws://example.com/", "ws://example.com:0"),
        ("/v1", "://:0"),
    ],
)
def test_the_origin_is_scheme_host_and_port_spelled_out(url: str, origin: str):
    assert origin_of(url) == origin
    assert route_of(url).origin == origin


def test_different_schemes_hosts_and_ports_are_different_origins():
    urls = ["http://a.example", "https://a.example", "http://a.example:8080", "http://b.example", "http://a.example."]
    assert len({origin_of(url) for url in urls}) == len(urls)


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_this_machine_is_always_local(address, port: int):
    route = route_of(f"http://{address}:{port}/v1")
    assert route.is_local or not route.is_loopback
    mapped = route_of(f"http://[::ffff:{address}]:{port}/v1")
    assert (mapped.is_loopback, mapped.is_local) == (route.is_loopback, route.is_local)


# --- what may be sent

PROXY = Route("http://x:1", is_native=False, is_loopback=False, is_local=False)
NATIVE = dataclasses.replace(PROXY, is_native=True)

NOTHING_NATIVE = Permits(
    store=False,
    service_tier=False,
    prompt_cache_key=False,
    developer_role=False,
    strict_tools=False,
    reasoning_effort=False,
    stream_usage=True,
    temperature=True,
    tools=True,
    max_tokens_field="max_tokens",
)
EVERYTHING = Permits(
    store=True,
    service_tier=True,
    prompt_cache_key=True,
    developer_role=True,
    strict_tools=True,
    reasoning_effort=True,
    stream_usage=True,
    temperature=True,
    tools=True,
    max_tokens_field="max_completion_tokens",
)
FLAGS = {
    "supports_store": "store",
    "supports_prompt_cache_key": "prompt_cache_key",
    "supports_developer_role": "developer_role",
    "supports_strict_mode": "strict_tools",
    "supports_reasoning_effort": "reasoning_effort",
    "supports_usage_in_streaming": "stream_usage",
    "supports_temperature": "temperature",
    "supports_tools": "tools",
}


def test_a_proxy_style_route_gets_nothing_that_only_native_endpoints_understand():
    assert permits(PROXY, Compat()) == NOTHING_NATIVE


def test_locality_does_not_matter_for_what_is_sent():
    assert permits(dataclasses.replace(PROXY, is_loopback=True, is_local=True), Compat()) == NOTHING_NATIVE


def test_a_native_route_gets_everything():
    assert permits(NATIVE, Compat()) == EVERYTHING


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("route", [PROXY, NATIVE], ids=["proxy", "native"])
def test_an_explicit_flag_beats_the_route_and_changes_nothing_else(flag: str, value: bool, route: Route):
    expected = dataclasses.replace(permits(route, Compat()), **{FLAGS[flag]: value})
    assert permits(route, Compat(**{flag: value})) == expected


@pytest.mark.parametrize("route", [PROXY, NATIVE], ids=["proxy", "native"])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_name_of_the_limit_may_be_set(route: Route, name: str):
    assert permits(route, Compat(max_tokens_field=name)).max_tokens_field == name


def test_no_flag_opens_the_service_tier_of_a_proxy_style_route():
    opened = Compat(**dict.fromkeys(FLAGS, True))
    assert not permits(PROXY, opened).service_tier
