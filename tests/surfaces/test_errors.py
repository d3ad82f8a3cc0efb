"""Every failure a user can meet with a server: one clear message, the next step, and never a traceback."""

from __future__ import annotations

import pytest
from tests.surfaces.answers import MODELS, answering, choice, refusal
from tests.surfaces.desk import Desk, Result, chats, settings_for

from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.testing import (
    LAST_CHUNK,
    End,
    EngineDeath,
    FakeServer,
    FakeVllm,
    event,
    json_response,
    response,
    stream_head,
)
from fluffbuzz.testing.raw_http import Action, redirect

TOOLS = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'


def check_told(told: Result, *phrases: str, out: str = "", code: int = 1) -> None:
    """One message with a next step on standard error, all of these phrases in it, and nothing of our insides."""
    assert (told.code, told.out) == (code, out)
    first, *steps = told.err.splitlines()
    assert first.startswith("error: ")
    assert len(first) > len("error: ")
    assert 1 <= len(steps) <= 2, "a next step"
    assert told.err.count("error: ") == 1
    for phrase in phrases:
        assert phrase in told.err
    for inside in ("Traceback", 'File "', "Error(", "Exception", "detail:", "None", "{", "FluffBuzz has a fault"):
        assert inside not in told.err


def test_a_server_that_is_down(desk: Desk) -> None:
    with FakeServer() as gone:
        desk.use(gone)
    check_told(
        desk.ask("hi"),
        f"vLLM at {gone.base_url} refused the connection.",
        "Is it running? Start it with: vllm serve MODEL.",
        "If it runs elsewhere, set models.providers.vllm.baseUrl.",
    )


def test_a_server_that_went_down_after_it_was_asked_for_its_models(desk: Desk) -> None:
    with FakeServer.vllm() as server:
        desk.use(server)
        desk.ask("hi")
    check_told(desk.ask("hi"), "refused the connection.", "Start it with: vllm serve MODEL.")


def test_a_wrong_key(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.api_key = "another-key"
    check_told(
        desk.ask("hi"),
        f"vLLM at {server.base_url} does not accept the key from environment (VLLM_API_KEY).",
        "Set VLLM_API_KEY to the key that the server was started with.",
    )


def test_a_key_that_the_server_stopped_accepting(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    desk.ask("hi")
    model.api_key = "another-key"
    check_told(desk.ask("hi"), "does not accept the key from environment (VLLM_API_KEY).", "Set VLLM_API_KEY")


def test_no_key_where_one_is_wanted(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.api_key = "some-key"
    del desk.env["VLLM_API_KEY"]
    check_told(desk.ask("hi"), "wants a key, and there is none.", "Set VLLM_API_KEY to the server's key.")


def test_an_unknown_model_with_the_served_ones(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/large")
    check_told(
        desk.ask("--model", "vllm/org/smal", "hi"),
        f"There is no model org/smal: vLLM at {server.base_url} serves 2 other(s).",
        "Choose from: vllm/org/small, vllm/org/large",
    )
    assert not chats(server)


def test_of_many_served_models_the_nearest_are_listed(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = tuple(f"org/model-{number}" for number in range(30))
    told = desk.ask("--model", "vllm/org/model-7b", "hi")
    check_told(told, "serves 30 other(s)", "vllm/org/model-7", "and 20 more (fluffbuzz models list)")
    assert told.err.count("vllm/org/model-") == 10


def test_a_model_that_is_named_without_its_provider_and_is_nowhere(desk: Desk, server: FakeServer) -> None:
    check_told(desk.ask("--model", "nosuch", "hi"), "There is no model nosuch.", "Choose from: vllm/org/small")


def test_a_model_of_a_provider_that_is_not_set_up(desk: Desk, server: FakeServer) -> None:
    check_told(desk.ask("--model", "sglang/some", "hi"), "provider sglang is not set up.", "Set SGLANG_API_KEY")


def test_a_prompt_too_long_with_the_numbers(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = (ServedModel("org/small", 64),)
    check_told(
        desk.ask("x" * 1000),
        "The conversation has at least 65 tokens, which is too long for org/small: its window is 64 tokens "
        f"(vLLM at {server.base_url}).",
        "begin a new conversation, or serve the model with a larger --max-model-len.",
    )


def test_an_engine_that_has_died(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.is_dead = True
    check_told(desk.ask("hi"), "EngineCore encountered an issue", "The engine behind the server has died. Restart vLLM")


def test_an_engine_that_dies_in_between_leaves_its_part(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = ("The", " capital", EngineDeath())
    check_told(desk.ask("hi"), "The engine behind the server has died. Restart vLLM", out="The capital\n")
    stored = desk.run("sessions", "show", desk.run("sessions", "list", "--json").json[0]["id"])
    assert "(cut off)\n\nThe capital" in stored.out


@pytest.mark.parametrize("end", [[End.CLOSE], [End.RESET], [b"0\r\n\r\n"]], ids=["closed", "reset", "ended"])
def test_a_stream_that_breaks_off_leaves_its_part(desk: Desk, server: FakeServer, end: list[Action]) -> None:
    server.responder = answering(stream_head(), event({"choices": [choice("half an")]}), *end)
    told = desk.ask("hi")
    check_told(told, f"vLLM at {server.base_url}", out="half an\n")
    assert "(cut off)" in desk.run("sessions", "show", desk.run("sessions", "list", "--json").json[0]["id"]).out


@pytest.mark.parametrize(
    ("answer", "phrases"),
    [
        (refusal(TOOLS), ("cannot call tools as it was started", "--enable-auto-tool-choice --tool-call-parser NAME")),
        (refusal("m is not a multimodal model"), ("cannot show images to org/small", "Send the text alone")),
        (
            refusal("The model `m` does not exist.", 404),
            ("does not serve org/small", "fluffbuzz models list --refresh"),
        ),
        (refusal("Not Found", 404), ("has no chat endpoint", "Check host, port and path of baseUrl.")),
        (refusal("busy", 503), ("is too busy: “busy”.", "Try again in a moment.")),
        (refusal("slow down", 429), ("allows no more requests now: “slow down”.", "Try again in a moment.")),
        (refusal("no credit", 402), ("wants to be paid: “no credit”.", "See the account that the key belongs to.")),
        (refusal("oops", 500), ("failed: “oops”.", "Its log says why.")),
        (refusal("chat_template is not set"), ("rejected the request", "--chat-template FILE")),
        (refusal("temperature must be below 2"), ("rejected the request: “temperature must be below 2”.",)),
        (refusal("not allowed", 400, code="content_filter"), ("filtered the request: “not allowed”.",)),
        (response(b"<html>hello</html>", content_type="text/html"), ("it answered with a web page",)),
        (response(b"<html>oops</html>", 502, "text/html"), ("Its log says why.",)),
        (redirect("http://127.0.0.2/v1/chat/completions"), ("redirects elsewhere", "where its key must not go")),
        (b"nonsense\r\n\r\n", ("does not speak the protocol",)),
        (json_response({"choices": []}), ("broke off: the stream ended before the answer was finished",)),
    ],
)
def test_what_a_server_may_answer_to_a_question(
    desk: Desk, server: FakeServer, answer: bytes, phrases: tuple[str, ...]
) -> None:
    server.responder = answering(answer)
    check_told(desk.ask("hi"), f"vLLM at {server.base_url}", *phrases)


@pytest.mark.parametrize(
    ("models", "phrases"),
    [
        (json_response({"data": []}), ("answers, but serves no models.", "Start it with: vllm serve MODEL.")),
        (response(b"<html>", content_type="text/html"), ("something that is no model list", "another program")),
        (json_response({"error": "overloaded"}, 500), ("HTTP status 500: overloaded.", "Its log says why.")),
        (redirect("http://127.0.0.2/v1/models"), ("cannot be reached", "where its key must not go")),
        (b"nonsense\r\n\r\n", ("something that is no model list",)),
    ],
)
def test_what_a_server_may_answer_when_it_is_asked_for_its_models(
    desk: Desk, server: FakeServer, models: bytes, phrases: tuple[str, ...]
) -> None:
    server.responder = answering(models=models)
    check_told(desk.ask("hi"), f"vLLM at {server.base_url}", *phrases)
    assert not chats(server)


def test_a_base_url_that_lacks_its_v1(desk: Desk, server: FakeServer) -> None:
    desk.configure(settings_for({"vllm": server.origin}))
    check_told(
        desk.ask("hi"),
        f"knows no {server.origin}/models (404).",
        f"The base URL probably lacks /v1: set baseUrl to {server.origin}/v1.",
    )


def test_a_configured_provider_without_models(desk: Desk, server: FakeServer) -> None:
    desk.configure({"models": {"providers": {"vllm": {"baseUrl": server.base_url}}}})
    check_told(desk.ask("hi"), "models.providers.vllm declares no models", '"vllm/*" to agents.defaults.models')
    assert not server.requests


def test_a_variable_that_is_not_set(desk: Desk, server: FakeServer) -> None:
    settings = settings_for({"vllm": server.base_url})
    settings["models"]["providers"]["vllm"]["apiKey"] = "${GPU_BOX_KEY}"
    desk.configure(settings)
    told = desk.ask("hi")
    assert told.err == (
        "error: models.providers.vllm.apiKey needs ${GPU_BOX_KEY}, which is not set.\nSet it: export GPU_BOX_KEY=…\n"
    )
    assert (told.code, told.out, server.requests) == (1, "", [])


def test_with_debug_the_technical_story_is_added(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(refusal("very odd", 418, code="teapot"))
    assert "teapot" not in desk.ask("hi").err
    told = desk.run("--debug", "ask", "hi")
    assert told.err.startswith("error: vLLM at ")
    assert "detail: kind=bad_request status=418 code=teapot param=: very odd" in told.err


def test_debug_holds_for_one_run_only(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(refusal("very odd"), models=MODELS)
    assert "detail:" in desk.run("--debug", "ask", "hi").err
    assert "detail:" not in desk.ask("hi").err


@pytest.mark.parametrize(("option", "step"), [([], "What arrived is kept."), (["--no-save"], "is not stored.")])
def test_what_is_said_of_a_part_is_true(desk: Desk, server: FakeServer, option: list[str], step: str) -> None:
    server.responder = answering(stream_head(), event({"choices": [choice("half an")]}), End.CLOSE)
    check_told(desk.ask(*option, "hi"), step, out="half an\n")


def test_where_nothing_arrived_nothing_is_said_to_be_kept(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(stream_head(), LAST_CHUNK)
    told = desk.ask("hi")
    check_told(told, "Nothing had arrived. Try again.")
    assert "kept" not in told.err
