"""`fluffbuzz ask --json`: the object of docs/json.md, whatever becomes of the question."""

from __future__ import annotations

from typing import Any

import pytest
from tests.surfaces.answers import answering, choice, refusal, stream
from tests.surfaces.desk import Desk
from tests.surfaces.documented import keys, section, table

from fluffbuzz.core.events import StopReason
from fluffbuzz.core.usage import CountKind
from fluffbuzz.testing import End, EngineDeath, FakeServer, FakeVllm, event, stream_head

TABLE = table("fluffbuzz ask --json")
ANSWER_KEYS = [key.name for key in TABLE if key.name != "error"]


def check(report: dict[str, Any]) -> dict[str, Any]:
    """Compare an object with the page: keys, their order, and the types of their values."""
    rows = {key.name: key for key in TABLE}
    assert [name for name in rows if name in report] == list(report)
    for name, value in report.items():
        assert isinstance(value, rows[name].types), name
    return report


def test_the_page_has_a_table() -> None:
    assert ANSWER_KEYS[0] == "text"
    assert TABLE[-1].name == "error"


def test_an_answer_has_every_documented_key_and_no_other(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.cached = 3
    told = desk.ask("--json", "What is the capital of France?")
    assert (told.code, told.err) == (0, "")
    report = check(told.json)
    assert list(report) == ANSWER_KEYS
    assert report["text"] == "The capital of France is Paris."
    assert (report["model"], report["finish"], report["thinking"]) == ("vllm/org/small", "stop", "")
    assert report["usage"] == {
        "input": 12,
        "output": 8,
        "cached": 3,
        "reasoning": None,
        "kinds": {"input": "exact", "output": "exact", "cached": "exact", "reasoning": "unknown"},
    }
    assert report["context"] == {"used": 20, "window": 4096}
    assert 0 < report["timings"]["firstToken"] < report["timings"]["total"]


@pytest.mark.parametrize(
    ("name", "values"),
    [("usage", frozenset(CountKind)), ("context", frozenset()), ("timings", frozenset())],
)
def test_the_page_names_what_is_in_each_object(
    desk: Desk, server: FakeServer, name: str, values: frozenset[str]
) -> None:
    documented = next(key.names for key in TABLE if key.name == name)
    assert set(keys(desk.ask("--json", "hi").json[name])) | values == documented


def test_the_page_names_every_finish_and_the_parts_of_an_error(desk: Desk, server: FakeServer) -> None:
    documented = {key.name: key.names for key in TABLE}
    assert documented["finish"] == frozenset(StopReason)
    assert documented["error"] - {"text"} == set(desk.ask("--json").json["error"])


def test_the_page_tells_the_exit_codes() -> None:
    assert "0 answered, 1 failed, 2 used wrongly, 130 cancelled" in section("fluffbuzz ask --json").replace("\n", " ")


def test_thinking_is_kept_apart(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.thinking = ("hm", " well")
    report = check(desk.ask("--json", "hi").json)
    assert (report["thinking"], report["text"]) == ("hm well", "The capital of France is Paris.")
    assert report["usage"]["kinds"]["reasoning"] == "unknown"


def test_without_saving_there_is_no_session(desk: Desk, server: FakeServer) -> None:
    assert check(desk.ask("--json", "--no-save", "hi").json)["session"] is None


def test_counts_that_nobody_reported_are_null_and_never_zero(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(*stream(choice("well", finish="stop")))
    report = check(desk.ask("--json", "hi").json)
    assert [report["usage"][name] for name in ("input", "output", "cached", "reasoning")] == [None] * 4
    assert set(report["usage"]["kinds"].values()) == {"unknown"}
    assert (report["context"]["used"], report["timings"]["tokensPerSecond"]) == (None, None)


def test_a_limit_that_was_reached_is_the_finish(desk: Desk, server: FakeServer) -> None:
    report = check(desk.ask("--json", "--max-tokens", "2", "hi").json)
    assert (report["text"], report["finish"], report["usage"]["output"]) == ("The capital", "length", 2)


def test_no_stream_makes_no_difference(desk: Desk, server: FakeServer) -> None:
    report = check(desk.ask("--json", "--no-stream", "hi").json)
    assert list(report) == ANSWER_KEYS


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--json"], 2, "There is nothing to ask."),
        (["--json", "--file", "/no/such/file", "hi"], 2, "/no/such/file cannot be read: No such file or directory."),
        (["--json", "--session", "nosuch", "hi"], 2, "There is no conversation nosuch."),
        (["--json", "--model", "vllm/nosuch", "hi"], 1, "There is no model nosuch"),
    ],
)
def test_a_question_that_could_not_be_asked_is_an_object_with_the_error_alone(
    desk: Desk, server: FakeServer, arguments: list[str], code: int, message: str
) -> None:
    told = desk.ask(*arguments)
    assert (told.code, told.err) == (code, "")
    assert list(check(told.json)) == ["error"]
    assert told.json["error"]["message"].startswith(message)


def test_a_configuration_with_a_mistake_is_such_an_error_too(desk: Desk) -> None:
    desk.configure("{ nonsense: 1 }")
    told = desk.ask("--json", "hi")
    assert told.code == 1
    assert list(check(told.json)) == ["error"]
    assert f"{desk.config}:1:3" in told.json["error"]["message"]


def test_a_server_that_is_down_is_such_an_error_too(desk: Desk) -> None:
    with FakeServer() as gone:
        desk.use(gone)
    told = desk.ask("--json", "hi")
    assert (told.code, list(check(told.json)), told.err) == (1, ["error"], "")
    assert "refused the connection" in told.json["error"]["message"]


def test_a_refused_request_has_no_text_and_says_why(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(refusal("no such thing"))
    told = desk.ask("--json", "hi")
    assert told.code == 1
    report = check(told.json)
    assert (report["text"], report["finish"], report["error"]["kind"]) == ("", None, "bad_request")
    assert report["usage"]["input"] == 0, "a request that was turned away generated nothing"


def test_an_engine_that_dies_in_between_leaves_its_part_and_an_estimate(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.answer = ("The", " capital", EngineDeath())
    told = desk.ask("--json", "hi")
    report = check(told.json)
    assert (told.code, told.err) == (1, "")
    assert (report["text"], report["finish"]) == ("The capital", None)
    assert (report["usage"]["output"], report["usage"]["kinds"]["output"]) == (2, "estimated")
    assert report["error"]["kind"] == "server_error"
    assert report["error"]["nextStep"].startswith("The engine behind the server has died.")


def test_a_cut_stream_leaves_its_part(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(stream_head(), event({"choices": [choice("half an")]}), End.CLOSE)
    told = desk.ask("--json", "hi")
    report = check(told.json)
    assert (told.code, report["text"], report["finish"]) == (1, "half an", None)
    assert report["error"]["kind"] in ("cut", "connection_lost")


def test_an_answer_of_thinking_only_is_an_error_beside_the_thinking(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.thinking, model.answer = ("hm",), ()
    told = desk.ask("--json", "hi")
    report = check(told.json)
    assert (told.code, report["text"], report["thinking"]) == (1, "", "hm")
    assert report["error"]["message"].startswith("The model only thought and gave no answer")


def test_half_characters_of_a_command_line_are_replaced(desk: Desk, server: FakeServer) -> None:
    told = desk.process("ask", "--json", "--model", "vllm/\udce9", "hi")
    assert (told.code, told.err) == (1, "")
    assert told.json["error"]["message"].startswith("There is no model \ufffd: ")
    assert told.out.startswith('{\n  "error": {\n    "kind"')
