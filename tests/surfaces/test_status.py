"""`fluffbuzz status`: who would answer, with which key, and how the conversation stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from tests.surfaces.answers import answering, refusal
from tests.surfaces.desk import Desk, chats, settings_for
from tests.surfaces.documented import keys, names, section

from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.testing import FakeServer, FakeVllm, json_response


def lines(out: str) -> dict[str, str]:
    """The card as facts."""
    return dict(re.split(r" {2,}", line, maxsplit=1) for line in out.splitlines())


@contextmanager
def no_embedded_model() -> Iterator[mock.Mock]:
    """Fail if anything asks for the embedded model, which would fetch and start it."""
    with mock.patch(
        "fluffbuzz.adapters.embedded.EmbeddedModel.candidate", side_effect=AssertionError("it was started")
    ) as candidate:
        yield candidate


def test_the_card_says_who_answers_and_how_the_conversation_stands(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.cached = 3
    session = desk.ask("--json", "What is the capital of France?").json["session"]
    told = desk.run("status")
    assert (told.code, told.err) == (0, "")
    facts = lines(told.out)
    assert facts["provider"] == "vllm (vLLM, proxy-style, local)"
    assert facts["model"] == "vllm/org/small"
    assert facts["window"] == "4,096 (from the server)"
    assert facts["endpoint"] == server.base_url
    assert facts["key"] == "environment (VLLM_API_KEY)"
    assert facts["asked"] == f"vllm {server.base_url}: found, just now"
    assert facts["tokens"] == "12 in (3 cached) · 8 out"
    assert facts["context"] == "20 used, 0.5 % of 4,096"
    assert facts["speed"].startswith("first token ")
    assert facts["session"].startswith(f"{session} “What is the capital of France?”, 2 messages, ")


def test_tokens_are_those_of_the_whole_conversation_and_context_is_the_last_call(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    desk.ask("hi")
    desk.ask("--continue", "and?")
    report = desk.run("status", "--json").json
    assert report["tokens"]["input"] == model.prompt_tokens
    assert report["tokens"]["output"] == model.generation_tokens == 16
    assert report["context"]["used"] == (model.prompt_tokens - 5) + 8


def test_a_certain_conversation_can_be_asked_for(desk: Desk, server: FakeServer) -> None:
    first = desk.ask("--json", "the first").json["session"]
    desk.ask("the second")
    assert "“the first”" in desk.run("status", "--session", first).out
    told = desk.run("status", "--session", "nosuch")
    assert (told.code, told.out) == (2, "")
    assert "There is no conversation nosuch." in told.err


def test_json_has_exactly_what_the_page_documents(desk: Desk, server: FakeServer) -> None:
    desk.ask("hi")
    told = desk.run("status", "--json")
    assert (told.code, told.err) == (0, "")
    usage = {"input", "output", "cached", "reasoning", "kinds"}  # "as `usage` above"
    documented = names(section("fluffbuzz status --json")) - {"native", "proxy-style", "usage"}
    assert set(keys(told.json)) == documented | usage
    assert (told.json["route"], told.json["keySource"]) == ("proxy-style", "environment (VLLM_API_KEY)")
    assert told.json["discovery"][0]["outcome"] == "found"


def test_json_has_the_same_keys_where_nothing_is_set_up(desk: Desk, server: FakeServer) -> None:
    desk.ask("hi")
    complete = desk.run("status", "--json").json
    desk.config.unlink()
    del desk.env["VLLM_API_KEY"]
    with no_embedded_model():
        assert list(desk.run("status", "--json").json) == list(complete)


def test_without_a_conversation_nothing_is_said_of_tokens(desk: Desk, server: FakeServer) -> None:
    facts = lines(desk.run("status").out)
    assert facts["session"] == "none yet"
    assert "tokens" not in facts


def test_a_server_that_is_down_is_the_reason_that_nobody_answers(desk: Desk) -> None:
    with FakeServer() as gone:
        desk.use(gone)
    told = desk.run("status")
    assert told.code == 1
    assert f"vLLM at {gone.base_url} refused the connection." in lines(told.out.replace("\nIs it", " Is it"))["model"]
    report = desk.run("status", "--json")
    assert (report.code, report.json["model"], report.json["provider"]) == (1, None, None)
    assert "refused the connection" in report.json["problem"]


def test_where_nothing_is_set_up_it_says_so_and_starts_nothing(desk: Desk) -> None:
    with no_embedded_model():
        told = desk.run("status")
    assert (told.code, told.err) == (0, "")
    assert lines(told.out)["model"] == "none is set up; the small embedded model answers"


def test_where_the_embedded_model_is_chosen_it_says_so_and_starts_nothing(desk: Desk, server: FakeServer) -> None:
    settings = settings_for({"vllm": server.base_url})
    settings["agents"]["defaults"]["model"] = "embedded/small"
    desk.configure(settings)
    with no_embedded_model():
        told = desk.run("status")
    assert (told.code, lines(told.out)["model"]) == (0, "the small embedded model answers")
    assert not server.requests


def test_an_estimate_is_marked_as_one(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(refusal("no"))
    desk.ask("hi")
    facts = lines(desk.run("status").out)
    assert facts["tokens"] == "0 in · 0 out", "a request that was turned away cost nothing"


def test_what_an_endpoint_refused_is_shown_until_it_is_looked_at_anew(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.refuses_stream_options = True
    desk.ask("hi")
    assert lines(desk.run("status").out)["refused"].startswith("stream_options (seen just now; left out for a day")
    assert desk.run("status", "--json").json["refused"] == ["stream_options"]
    desk.run("models", "list", "--refresh")
    assert "refused" not in lines(desk.run("status").out)


def test_a_window_that_nobody_tells_is_unknown(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(models=json_response({"data": [{"id": "one"}]}))
    assert lines(desk.run("status").out)["window"] == "unknown"


def test_it_asks_nobody_what_is_known_already(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = (ServedModel("org/small", 100),)
    desk.ask("hi")
    before = len(server.requests)
    desk.run("status")
    assert len(server.requests) == before
    assert len(chats(server)) == 1


def test_what_is_wrong_with_a_service_that_would_not_answer_is_told_with_its_next_step(
    desk: Desk, server: FakeServer
) -> None:
    with FakeServer() as gone:
        settings = settings_for({"vllm": server.base_url, "sglang": gone.base_url, "lmstudio": gone.base_url})
    settings["models"]["providers"]["lmstudio"]["apiKey"] = "${NOT_SET_ANYWHERE}"
    desk.configure(settings)
    desk.run("models", "list")
    told = desk.run("status")
    assert told.code == 0
    start = "Start it with: python -m sglang.launch_server --model-path MODEL."
    elsewhere = "If it runs elsewhere, set models.providers.sglang.baseUrl."
    lacking = "models.providers.lmstudio.apiKey needs ${NOT_SET_ANYWHERE}, which is not set."
    problems = [line.partition("problem   ")[2] for line in told.out.splitlines() if line.startswith("problem")]
    assert sorted(problems) == [
        f"SGLang at {gone.base_url} refused the connection. Is it running? {start} {elsewhere}",
        f"{lacking} Set it: export NOT_SET_ANYWHERE=…",
    ]


def test_a_service_that_nobody_asked_yet_has_no_problem(desk: Desk, server: FakeServer) -> None:
    with FakeServer() as gone:
        desk.configure(settings_for({"vllm": server.base_url, "sglang": gone.base_url}))
    assert "problem" not in desk.run("status").out


def test_a_problem_is_told_once(desk: Desk) -> None:
    with FakeServer() as gone:
        desk.use(gone)
    assert desk.run("status").out.count("refused the connection") == 1
