"""No secret reaches any output or file: every command and error path is driven with known ones, with --debug too."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.surfaces.answers import MODELS
from tests.surfaces.desk import Desk, Result

from fluffbuzz.core.credential import SHORTEST_HIDDEN, Secret, hide
from fluffbuzz.core.errors import StorageError
from fluffbuzz.testing import (
    LAST_CHUNK,
    End,
    FakeServer,
    FakeVllm,
    ReceivedRequest,
    event,
    json_response,
    response,
    stream_head,
)
from fluffbuzz.testing.raw_http import Action, Responder

ENV_KEY = "env-key-7f3a9c"
CONFIG_KEY = "config-key-1d52e8"
HEADER = "header-secret-c0ffee"
BEARER = "bearer-secret-b00c5"
ROW_HEADER = "row-secret-5ca1ab1e"
USER = "user-secret-0ddba11"
SECRETS = (ENV_KEY, CONFIG_KEY, HEADER, BEARER, ROW_HEADER, USER)

COMMANDS = [
    ["ask", "hi"],
    ["ask", "--json", "hi"],
    ["ask", "--no-stream", "--model", "vllm/org/declared", "hi"],
    ["ask", "--model", "sglang/org/small", "hi"],
    ["ask", "--model", "lmstudio/org/small", "hi"],
    ["ask", "--model", "nosuch", "hi"],
    ["ask", "--continue", "and?"],
    ["models", "list", "--refresh"],
    ["models", "list", "--json"],
    ["models", "list", "--plain"],
    ["status"],
    ["status", "--json"],
    ["sessions", "list", "--json"],
    ["sessions", "search", "secret"],
    ["config", "get"],
    ["config", "get", "models.providers.vllm.apiKey"],
    ["config", "validate"],
    ["config", "validate", "--json"],
    ["config", "set", "models.providers.vllm.apiKey", CONFIG_KEY + "\x00", "--dry-run"],
    ["config", "set", "models.providers.lmstudio.headers.X-Token", "{", "--dry-run"],
    ["config", "set", "chat.history", "false", "--dry-run"],
    ["config", "unset", "models.providers.sglang.headers", "--dry-run"],
    ["config", "schema"],
    ["config", "file"],
]
CHAT = "hi\n/status\n/models --refresh\n/model sglang/org/small\n/retry\n/nonsense\n/exit\n"


def echo(request: ReceivedRequest) -> str:
    """All that the client has sent."""
    return request.head.decode("latin-1")


async def healthy(request: ReceivedRequest) -> AsyncGenerator[Action]:
    async for action in FakeVllm(models=("org/small", "org/declared"))(request):
        yield action


def refusing(status: int) -> Responder:
    """Quotes everything it gets in an error object."""

    async def respond(request: ReceivedRequest) -> AsyncGenerator[Action]:
        if request.method == "GET" and status == 418:
            yield MODELS
        else:
            yield json_response({"error": {"message": f"bad: {echo(request)}", "code": status}}, status)

    return respond


async def quoting_a_page(request: ReceivedRequest) -> AsyncGenerator[Action]:
    authorization = (request.header("authorization") or "").encode()
    yield response(authorization + b" is what you sent", content_type="text/html")


async def quoting_in_the_stream(request: ReceivedRequest) -> AsyncGenerator[Action]:
    if request.method == "GET":
        yield MODELS
        return
    yield stream_head()
    yield event({"choices": [{"index": 0, "delta": {"content": "well"}}]})
    yield event({"error": {"message": f"bad: {echo(request)}", "code": 500}})
    yield LAST_CHUNK


async def redirecting(request: ReceivedRequest) -> AsyncGenerator[Action]:
    if request.method == "GET":
        yield MODELS
    else:
        yield b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.9/elsewhere\r\ncontent-length: 0\r\n\r\n"


async def resetting(request: ReceivedRequest) -> AsyncGenerator[Action]:
    yield End.RESET


SERVERS: dict[str, Responder | None] = {
    "healthy": healthy,
    "401": refusing(401),
    "400 to chats": refusing(418),
    "500": refusing(500),
    "page": quoting_a_page,
    "stream": quoting_in_the_stream,
    "redirect": redirecting,
    "reset": resetting,
    "down": None,
}


def settings(url: str) -> dict[str, Any]:
    row = {"id": "org/declared", "headers": {"X-Row": ROW_HEADER}}
    return {
        "models": {
            "providers": {
                "vllm": {"baseUrl": url, "apiKey": CONFIG_KEY, "headers": {"X-Token": HEADER}, "models": [row]},
                "sglang": {"baseUrl": url, "headers": {"Authorization": f"Bearer {BEARER}"}},
                "lmstudio": {"baseUrl": url, "apiKey": "${VLLM_API_KEY}"},
            }
        },
        "agents": {"defaults": {"models": {"vllm/*": {}, "sglang/*": {}, "lmstudio/*": {}}}},
    }


def check(told: Result, what: object) -> None:
    for secret in SECRETS:
        assert secret not in told.out, what
        assert secret not in told.err, what


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Everything that is kept, the configuration aside."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "fluffbuzz.json":
            yield path, path.read_bytes()


def check_kept(desk: Desk) -> None:
    kept = dict(files(desk.home))
    assert any(path.suffix == ".db" for path in kept)
    for path, content in kept.items():
        for secret in SECRETS:
            assert secret.encode() not in content, path


@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["", "debug"])
@pytest.mark.parametrize("name", SERVERS)
def test_a_sweep_over_every_command_shows_no_secret_whatever_the_server_does(
    desk: Desk, name: str, debug: list[str]
) -> None:
    desk.env |= {"VLLM_API_KEY": ENV_KEY, "SGLANG_API_KEY": ENV_KEY}
    with ExitStack() as stack:
        server = stack.enter_context(FakeServer(responder=SERVERS[name] or healthy))
        desk.configure(settings(server.base_url))
        if SERVERS[name] is None:
            stack.close()
        told = {" ".join(arguments): desk.run(*debug, *arguments) for arguments in COMMANDS}
        told["chat"] = desk.run(*debug, "chat", stdin=CHAT)
    for command, result in told.items():
        check(result, command)
    assert told["ask hi"].code == (0 if name == "healthy" else 1)
    assert told["config validate"].code == 0
    check_kept(desk)


def settings_with_mistakes() -> Iterator[str]:
    """Configurations in which a secret stands at, beside or in a mistake."""
    vllm: dict[str, Any] = {"baseUrl": "http://127.0.0.1:9/v1", "apiKey": CONFIG_KEY}
    for wrong in (
        {"apiKey": [CONFIG_KEY]},
        {"apiKey": CONFIG_KEY, "api": "nonsense"},
        {"baseUrl": f"htp://somebody:{USER}@nowhere"},
        {"headers": {"X-Token": [HEADER]}},
        {"headers": f"X-Token: {HEADER}"},
        {"apikey": CONFIG_KEY},
        {"models": [{"id": "m", "headers": {"X": 5, "Authorization": BEARER}, "contextWindow": "wide"}]},
    ):
        yield json.dumps({"models": {"providers": {"vllm": vllm | wrong}}})
    yield f'{{ models: {{ providers: {{ vllm: {{ apiKey: "{CONFIG_KEY}" "{HEADER}'
    yield f'{{ env: {{ vars: {{ KEY: "{CONFIG_KEY}", key: ["{HEADER}"] }} }} }}'


@pytest.mark.parametrize("text", list(settings_with_mistakes()))
def test_a_mistake_in_the_configuration_is_told_without_the_secret_in_it(desk: Desk, text: str) -> None:
    desk.configure(text)
    for arguments in COMMANDS:
        check(desk.run("--debug", *arguments), arguments)


@pytest.mark.parametrize("key", ["line\nend-secret", "é-secret-key", " padded-secret ", "tab\t-secret"])
def test_a_key_that_no_header_can_carry_is_not_quoted(desk: Desk, server: FakeServer, key: str) -> None:
    desk.env["VLLM_API_KEY"] = key
    for arguments in (["ask", "hi"], ["models", "list"], ["status"]):
        told = desk.run("--debug", *arguments)
        assert "secret" not in told.out + told.err.replace(__name__, "")
        assert told.code == 1


def test_a_fault_of_our_own_tells_no_secret_of_its_surroundings(desk: Desk, server: FakeServer) -> None:
    desk.configure(settings(server.base_url))
    with mock.patch("fluffbuzz.runtime.exchange.encode_request", side_effect=ZeroDivisionError("in our code")):
        told = desk.run("--debug", "ask", "hi")
    assert "ZeroDivisionError: in our code" in told.err
    check(told, "fault")


@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["", "debug"])
@pytest.mark.parametrize("arguments", [["ask", "hi"], ["chat"]])
@pytest.mark.parametrize("is_told", [False, True], ids=["fault", "error"])
def test_what_a_library_says_of_our_headers_is_told_without_the_secrets(
    desk: Desk, server: FakeServer, debug: list[str], arguments: list[str], is_told: bool
) -> None:
    desk.env |= {"VLLM_API_KEY": ENV_KEY, "SGLANG_API_KEY": ENV_KEY, "HF_TOKEN": USER}
    desk.configure(settings(server.base_url))

    def refuse(*_: object) -> None:
        try:
            raise ValueError(f"Illegal header value b'Bearer {BEARER}', {ENV_KEY}, {ROW_HEADER}")
        except ValueError as cause:
            words = f"{CONFIG_KEY} and {HEADER} for {USER}"
            raise (StorageError("It failed.", detail=words) if is_told else RuntimeError(words)) from cause

    with mock.patch("fluffbuzz.runtime.exchange.encode_request", side_effect=refuse):
        told = desk.run(*debug, *arguments, stdin="hi\n" if arguments == ["chat"] else "")
    check(told, "library")
    assert ("Illegal header value b'***', ***, ***" in told.err) is bool(debug)
    assert ("It failed." if is_told else "FluffBuzz has a fault here (RuntimeError: *** and *** for ***)") in told.err


@pytest.mark.parametrize(
    ("secret", "words", "hidden"),
    [
        ("longsecret", "key longsecret, longsecret!", "key ***, ***!"),
        ("Bearer longsecret", "token longsecret", "token ***"),
        ("Bearer longsecret", "header Bearer longsecret", "header ***"),
        ("x" * SHORTEST_HIDDEN, "x" * SHORTEST_HIDDEN, "***"),
        ("x", "an axe", "an axe"),
        ("", "nothing", "nothing"),
    ],
)
def test_secrets_are_taken_out_of_foreign_words(secret: str, words: str, hidden: str) -> None:
    assert hide([Secret(secret)], words) == hidden
    assert hide([], words) == words


def test_the_history_of_the_chat_is_private(desk: Desk, server: FakeServer) -> None:
    with desk.terminal("chat") as terminal:
        terminal.until("›")
        terminal.say("a private matter")
        terminal.until("Paris.")
        terminal.until("›", times=2)
        terminal.type("\x04")
        assert terminal.end() == 0
    for path in (desk.state, *desk.state.rglob("*")):
        if path != desk.config:
            assert path.stat().st_mode & 0o077 == 0, path
