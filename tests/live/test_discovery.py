"""Which models there are: found by asking the real server, declared by the user, or both; else why there are none."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from tests.live.program import Finished, Program
from tests.live.proxy import RecordingProxy
from tests.live.servers import API_KEY, MODEL_ID, VllmServer

REF = f"vllm/{MODEL_ID}"
WRONG_KEY = "a-key-that-fits-no-lock"
DEFAULT_PORT = 8000
ROW: dict[str, Any] = {"id": MODEL_ID, "name": "Small one", "contextWindow": 1000}
WILDCARD: dict[str, Any] = {"defaults": {"models": {"vllm/*": {}}}}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def declare(program: Program, base_url: str, *rows: dict[str, Any], wildcard: bool = False) -> None:
    """Configure the provider explicitly, with rows."""
    provider = {"baseUrl": base_url, "models": list(rows)}
    program.configure({"models": {"providers": {"vllm": provider}}, "agents": WILDCARD if wildcard else {}})


def keys_of(listed: Finished) -> list[str]:
    return [model["key"] for model in listed.json()["models"]]


def test_the_key_alone_opts_in_to_the_server_at_the_default_address(program: Program, vllm: VllmServer) -> None:
    program.use_key(API_KEY)
    if is_free(DEFAULT_PORT):
        proxy = RecordingProxy(vllm.port)
        proxy.port = DEFAULT_PORT
        with proxy:
            listed = program.run("models", "list", "--json")
        assert (listed.code, keys_of(listed)) == (0, [REF])
        ours = [sent for sent in proxy.requests if sent.header("authorization") == f"Bearer {API_KEY}"]
        assert [(sent.method, sent.target) for sent in ours] == [("GET", "/v1/models")]
    else:  # somebody else's server, so that only the address asked can be told
        listed = program.run("models", "list", "--json")
    assert listed.json()["providers"][0]["baseUrl"] == f"http://127.0.0.1:{DEFAULT_PORT}/v1"


def test_without_opt_in_there_is_no_provider(program: Program) -> None:
    listed = program.run("models", "list")
    assert (listed.code, listed.out) == (1, "")
    assert "export VLLM_API_KEY=anything" in listed.err


def test_the_served_model_is_found_with_its_window(vllm_user: Program) -> None:
    listed = vllm_user.run("models", "list", "--json")
    assert listed.code == 0
    (model,) = listed.json()["models"]
    assert (model["key"], model["contextWindow"], model["contextWindowSource"]) == (REF, 4096, "server")
    assert (model["input"], model["tags"]) == (None, [])
    shown = vllm_user.run("models", "list")
    assert "4,096 (from the server)" in shown.out


def test_found_models_are_remembered_and_asked_for_anew_on_demand(program: Program, vllm: VllmServer) -> None:
    with RecordingProxy(vllm.port) as proxy:
        program.use_server(proxy.base_url, API_KEY)
        for _ in range(2):
            listed = program.run("models", "list")
            assert (listed.code, "asked just now" in listed.out) == (0, True)
        assert len(proxy.asked("GET")) == 1
        program.run("models", "list", "--refresh")
        assert len(proxy.asked("GET")) == 2


def test_an_explicit_provider_is_never_asked_and_has_its_declared_models_only(
    program: Program, vllm: VllmServer
) -> None:
    program.use_key(API_KEY)
    with RecordingProxy(vllm.port) as proxy:
        declare(program, proxy.base_url, {"id": "another/model", "name": "Another"}, ROW)
        listed = program.run("models", "list", "--json")
        assert keys_of(listed) == ["vllm/another/model", REF]
        assert [model["contextWindow"] for model in listed.json()["models"]] == [None, 1000]
        assert program.ask("Say hello.", "--model", REF, "--max-tokens", "4")["context"]["window"] == 1000
        declare(program, proxy.base_url, {"id": "another/model", "name": "Another"})
        undeclared = program.run("ask", "Say hello.", "--model", REF)
        assert (undeclared.code, undeclared.out) == (1, "")
        assert "vllm/another/model" in undeclared.err
        assert [sent.method for sent in proxy.requests] == ["POST"]


def test_the_wildcard_merges_declared_and_served_and_an_explicit_window_wins(
    program: Program, vllm: VllmServer
) -> None:
    program.use_key(API_KEY)
    declare(program, vllm.base_url, ROW, {"id": "another/model", "name": "Another"}, wildcard=True)
    listed = program.run("models", "list", "--json").json()["models"]
    assert [(model["key"], model["contextWindow"], model["contextWindowSource"]) for model in listed] == [
        (REF, 1000, "configured"),
        ("vllm/another/model", None, None),
    ]
    declare(program, vllm.base_url, {"id": MODEL_ID, "name": "Small one"}, wildcard=True)
    (model,) = program.run("models", "list", "--json").json()["models"]
    assert (model["name"], model["contextWindow"], model["contextWindowSource"]) == ("Small one", 4096, "server")


@pytest.mark.parametrize("command", [("models", "list"), ("ask", "Hello"), ("status",)], ids=lambda command: command[0])
def test_a_wrong_key_is_told_with_its_source_and_what_to_do(
    program: Program, vllm: VllmServer, command: tuple[str, ...]
) -> None:
    program.use_server(vllm.base_url, WRONG_KEY)
    told = program.run(*command)
    assert told.code == 1
    assert f"vLLM at {vllm.base_url} does not accept the key from environment (VLLM_API_KEY)" in told.err + told.out
    assert "Set VLLM_API_KEY to the key that the server was started with." in told.err + told.out


def test_a_wrong_key_in_the_configuration_is_told_with_its_place(program: Program, vllm: VllmServer) -> None:
    program.use_key(API_KEY)
    provider = {"baseUrl": vllm.base_url, "apiKey": WRONG_KEY}
    program.configure({"models": {"providers": {"vllm": provider}}, "agents": WILDCARD})
    told = program.run("models", "list")
    assert (told.code, WRONG_KEY in told.err + told.out) == (1, False)
    assert "the key from configuration (models.providers.vllm.apiKey)" in told.err
    assert "models.providers.vllm.apiKey" in told.err.rsplit("Set ", 1)[-1], "the next step names what must change"


def test_a_wrong_key_is_told_for_a_declared_model_too(program: Program, vllm: VllmServer) -> None:
    program.use_key(WRONG_KEY)
    declare(program, vllm.base_url, ROW)
    told = program.run("ask", "Say hello.")
    assert (told.code, told.out) == (1, "")
    assert "does not accept the key from environment (VLLM_API_KEY)" in told.err


def test_a_missing_key_is_told(program: Program, vllm: VllmServer) -> None:
    program.use_server(vllm.base_url, None)
    told = program.run("models", "list")
    assert (told.code, told.out) == (1, "")
    assert f"vLLM at {vllm.base_url} wants a key, and there is none. Set VLLM_API_KEY" in told.err


@pytest.mark.parametrize("wildcard", [True, False], ids=["discovered", "declared"])
def test_a_base_url_without_v1_gets_the_hint(program: Program, vllm: VllmServer, wildcard: bool) -> None:
    program.use_key(API_KEY)
    declare(program, vllm.root_url, *([] if wildcard else [ROW]), wildcard=wildcard)
    for command in [("ask", "Hello"), *([("models", "list")] if wildcard else [])]:
        told = program.run(*command)
        assert (told.code, told.out) == (1, "")
        assert f"set baseUrl to {vllm.base_url}" in told.err


def test_an_unknown_model_is_told_with_the_served_ones(vllm_user: Program) -> None:
    told = vllm_user.run("ask", "Hello", "--model", "vllm/meta-llama/Nothing")
    assert (told.code, told.out) == (1, "")
    assert "There is no model meta-llama/Nothing" in told.err
    assert f"Choose from: {REF}" in told.err


def test_a_dead_server_does_not_hide_another(program: Program, vllm: VllmServer) -> None:
    program.use_key(API_KEY)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        program.configure(
            {
                "models": {"providers": {"sglang": {"baseUrl": dead}, "vllm": {"baseUrl": vllm.base_url}}},
                "agents": {"defaults": {"models": {"vllm/*": {}, "sglang/*": {}}}},
            }
        )
        listed = program.run("models", "list", "--json")
        answered = program.ask("Say hello.", "--max-tokens", "2")
    assert (listed.code, keys_of(listed)) == (1, [REF])
    looks = {each["provider"]: each["discovery"] for each in listed.json()["providers"]}
    assert looks == {"vllm": "found", "sglang": "refused"}
    assert answered["model"] == REF
