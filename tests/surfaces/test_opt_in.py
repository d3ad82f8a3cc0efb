"""Without opt-in nothing is sent to any port: every attempt of the process to reach one is noticed and refused."""

from __future__ import annotations

import json

import pytest
from tests.surfaces.desk import Desk, Result

from fluffbuzz.providers import bundled_ids, find

WATCHED = """
import json, sys
tried = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "subprocess.Popen"):
        tried.append(repr(arguments[1:3] if event == "socket.connect" else arguments))
        raise ConnectionRefusedError(111, "refused by the test")
sys.addaudithook(watch)
sys.argv = ["fluffbuzz", *sys.argv[1:]]
from fluffbuzz.entry import main
try:
    main()
finally:
    print(json.dumps(tried), file=sys.stderr)
"""
LOOKING = [["models", "list"], ["models", "list", "--refresh"], ["status"], ["status", "--json"], ["sessions", "list"]]
DEFAULTS = {name: find(name) for name in bundled_ids() if find(name).base_url and find(name).env_vars}


def watched(desk: Desk, *arguments: str) -> tuple[Result, list[str]]:
    """Run a command; returns what it tried to reach, too."""
    told = desk.python(WATCHED, *arguments)
    return told, json.loads(told.err.splitlines()[-1])


@pytest.mark.parametrize("arguments", [*LOOKING, ["embedded", "status"]], ids=" ".join)
def test_with_an_empty_environment_nothing_is_reached(desk: Desk, arguments: list[str]) -> None:
    _, tried = watched(desk, *arguments)
    assert tried == []


def test_an_empty_key_is_no_opt_in(desk: Desk) -> None:
    desk.env |= dict.fromkeys((name for provider in DEFAULTS.values() for name in provider.env_vars), "")
    _, tried = watched(desk, "models", "list", "--refresh")
    assert tried == []


def test_a_configuration_without_providers_is_no_opt_in(desk: Desk) -> None:
    desk.configure('{ agents: { defaults: { model: "vllm/org/small" } }, chat: { history: false } }')
    for arguments in (["models", "list", "--refresh"], ["status"], ["ask", "hi"]):
        _, tried = watched(desk, *arguments)
        assert tried == [], arguments


def test_declared_models_alone_let_no_list_be_asked_for(desk: Desk) -> None:
    desk.configure('{ models: { providers: { vllm: { baseUrl: "http://127.0.0.1:9/v1", models: [{ id: "m" }] } } } }')
    for arguments in (["models", "list", "--refresh"], ["status"]):
        told, tried = watched(desk, *arguments)
        assert (told.code, tried) == (0, [])


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_key_opts_in_to_that_provider_alone_at_its_default_address(desk: Desk, name: str) -> None:
    provider = DEFAULTS[name]
    desk.env[provider.env_vars[0]] = "anything"
    told, tried = watched(desk, "models", "list")
    host, _, port = provider.base_url.split("://")[1].partition("/")[0].partition(":")
    assert tried, "it was asked"
    assert all(host in each and (port or "443") in each for each in tried)
    assert told.code == 1
    assert f"{provider.label} at {provider.base_url}" in told.err


def test_a_mode_of_replace_lets_only_the_configured_exist(desk: Desk) -> None:
    desk.env["VLLM_API_KEY"] = "anything"
    desk.configure('{ models: { mode: "replace", providers: {} } }')
    told, tried = watched(desk, "models", "list", "--refresh")
    assert tried == []
    assert "No provider is set up." in told.err
