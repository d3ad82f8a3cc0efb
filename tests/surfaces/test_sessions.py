"""`fluffbuzz sessions`: the conversations that are kept, listed, read, searched, exported and deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.surfaces.answers import answering, choice, stream
from tests.surfaces.desk import Desk
from tests.surfaces.documented import keys, names, section

from fluffbuzz.testing import EngineDeath, FakeServer, FakeVllm

PARIS = "The capital of France is Paris."
SESSION_KEYS = ["id", "title", "created", "updated", "model", "messages"]


def begin(desk: Desk, *arguments: str) -> str:
    """Begin a conversation; returns its id."""
    session: str = desk.ask("--json", *arguments).json["session"]
    return session


def test_the_list_is_in_order_of_use(desk: Desk, server: FakeServer) -> None:
    first, second = begin(desk, "the first"), begin(desk, "--model", "vllm/org/small", "the second")
    desk.ask("--session", first, "more")
    told = desk.run("sessions", "list")
    assert (told.code, told.err) == (0, "")
    head, *rows = told.out.splitlines()
    assert head.split() == ["ID", "USED", "MESSAGES", "MODEL", "TITLE"]
    assert [row.split()[0] for row in rows] == [first, second]
    assert [row.split()[3] for row in rows] == ["4", "2"]
    assert [row.split(maxsplit=5)[4:] for row in rows] == [["–", "the first"], ["vllm/org/small", "the second"]]


def test_the_list_is_as_long_as_it_is_asked_to_be(desk: Desk, server: FakeServer) -> None:
    for number in range(22):
        desk.ask(f"question {number}")
    for options, count in (([], 20), (["-n", "3"], 3), (["--all"], 22)):
        assert len(desk.run("sessions", "list", *options).out.splitlines()) == count + 1
    assert len(desk.run("sessions", "list", "--json", "--all").json) == 22


def test_without_conversations_it_says_so(desk: Desk) -> None:
    told = desk.run("sessions", "list")
    assert (told.code, told.out, told.err) == (0, "No conversations yet.\n", "")
    assert desk.run("sessions", "list", "--json").json == []


def test_wide_and_commanding_titles_do_not_spoil_the_table(desk: Desk, server: FakeServer) -> None:
    desk.ask("日本の首都は？")
    desk.ask("\x1b[2Jtitle\x07")
    rows = desk.run("sessions", "list").out.splitlines()[1:]
    assert [row.split()[-1] for row in rows] == ["␛[2Jtitle␇", "日本の首都は？"]


def test_show_is_markdown_with_who_said_what(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.thinking = ("let me\n", "see")
    session = begin(desk, "--system", "Be brief.", "What is the capital of France?")
    told = desk.run("sessions", "show", session)
    assert (told.code, told.err) == (0, "")
    head, when, *blocks = told.out.rstrip("\n").split("\n\n")
    assert head == "# What is the capital of France?"
    assert when.startswith(f"{session}, 20")
    assert blocks == [
        "## System",
        "Be brief.",
        "## User",
        "What is the capital of France?",
        "## Assistant (vllm/org/small)",
        "> let me\n> see",
        PARIS,
    ]
    assert desk.run("sessions", "export", session).out == told.out


def test_an_image_is_told_by_kind_and_size(desk: Desk, server: FakeServer, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG\r\n" + b"x" * 2000)
    server.responder = answering(*stream(choice("a cat", finish="stop")))
    desk.ask("see", "--image", str(picture))
    session = desk.run("sessions", "list", "--json").json[0]["id"]
    assert "see\n\n[image: image/png, 2,006 bytes]" in desk.run("sessions", "show", session).out


def test_an_answer_that_was_cut_says_so(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = ("half", EngineDeath())
    session = begin(desk, "hi")
    assert "## Assistant (vllm/org/small) (cut off)\n\nhalf" in desk.run("sessions", "show", session).out


def test_answers_that_were_tried_again_are_shown_on_request(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    session = begin(desk, "hi")
    model.answer = ("another answer",)
    desk.run("chat", "--session", session, stdin="/retry\n")
    shown = desk.run("sessions", "show", session).out
    assert PARIS not in shown
    assert "another answer" in shown
    everything = desk.run("sessions", "show", "--all-branches", session).out
    assert everything.index(PARIS) < everything.index("another answer")


@pytest.mark.parametrize("verb", ["show", "export", "delete"])
def test_a_unique_beginning_is_enough_and_letters_may_be_mistaken(desk: Desk, server: FakeServer, verb: str) -> None:
    session = begin(desk, "hi")
    typed = session.upper().replace("0", "O").replace("1", "I")
    for name in (session[:3], typed):
        told = desk.run("sessions", verb, name, stdin="n\n")
        assert "hi" in told.out + told.err
        assert told.code in (0, 130)


@pytest.mark.parametrize("verb", ["show", "export", "delete"])
def test_a_beginning_of_several_is_a_usage_error_that_names_them(desk: Desk, server: FakeServer, verb: str) -> None:
    found = {begin(desk, "one"), begin(desk, "two")}
    told = desk.run("sessions", verb, "1")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: Several conversations begin with '1': ")
    assert all(name in told.err for name in found)
    assert len(desk.run("sessions", "list", "--json").json) == 2


@pytest.mark.parametrize("verb", ["show", "export", "delete"])
@pytest.mark.parametrize("name", ["nosuch", "%", "", "日本"])
def test_a_conversation_that_is_not_there_is_a_usage_error(
    desk: Desk, server: FakeServer, verb: str, name: str
) -> None:
    begin(desk, "hi")
    told = desk.run("sessions", verb, name)
    assert (told.code, told.out) == (2, "")
    assert told.err == f"error: There is no conversation {name}.\nSee: fluffbuzz sessions list\n"


@pytest.mark.parametrize(
    "wanted",
    ["京都", "寺", "の古いお寺", "KYOTO", "yot", "emple", "temples in kyo", "ß", "STRASSE", "100 %", '"quoted"', "*"],
)
def test_search_finds_any_script_and_parts_of_words(desk: Desk, server: FakeServer, wanted: str) -> None:
    desk.ask("something else entirely")
    session = begin(desk, '京都の古いお寺: old temples in Kyoto, Straße, 100 % "quoted" *')
    told = desk.run("sessions", "search", wanted)
    assert (told.code, told.err) == (0, "")
    [line] = told.out.splitlines()
    assert line.startswith(session)
    assert "user: " in line


def test_search_finds_answers_too_newest_first(desk: Desk, server: FakeServer) -> None:
    sessions = [begin(desk, "one"), begin(desk, "two")]
    told = desk.run("sessions", "search", "capital")
    assert [line.split()[0] for line in told.out.splitlines()] == sessions[::-1]
    assert all("assistant: " in line for line in told.out.splitlines())
    assert len(desk.run("sessions", "search", "-n", "1", "capital").out.splitlines()) == 1


@pytest.mark.parametrize("wanted", ["nothing like that", "カ", "xyzzy%", "'; DROP TABLE messages"])
def test_a_search_without_a_hit_exits_with_1(desk: Desk, server: FakeServer, wanted: str) -> None:
    desk.ask("hi")
    told = desk.run("sessions", "search", wanted)
    assert (told.code, told.out, told.err) == (1, "", f"No message contains “{wanted}”.\n")
    told = desk.run("sessions", "search", "--json", wanted)
    assert (told.code, told.json) == (1, [])


def test_a_search_for_nothing_is_a_usage_error(desk: Desk) -> None:
    told = desk.run("sessions", "search", "  ")
    assert (told.code, told.err) == (2, "error: There is nothing to search for.\n")


def test_delete_asks_first(desk: Desk, server: FakeServer) -> None:
    session = begin(desk, "hi")
    told = desk.run("sessions", "delete", session, stdin="n\n")
    assert told.code != 0
    assert f"Delete “hi” ({session}, 2 messages) for good?" in told.err
    assert len(desk.run("sessions", "list", "--json").json) == 1

    told = desk.run("sessions", "delete", session, stdin="y\n")
    assert (told.code, told.out) == (0, "")
    assert told.err.endswith(f"Deleted {session}.\n")
    assert desk.run("sessions", "list", "--json").json == []


def test_delete_can_be_told_not_to_ask_and_leaves_no_text(desk: Desk, server: FakeServer) -> None:
    session = begin(desk, "a very private matter")
    assert desk.run("sessions", "delete", "--yes", session).code == 0
    assert desk.run("sessions", "search", "private").code == 1
    assert all(b"private" not in path.read_bytes() for path in desk.state.iterdir() if path.is_file())


def documented_keys(*without: str) -> set[str]:
    commands = {"list --json", "export --format json", "search --json"}
    return set(names(section("fluffbuzz sessions"))) - commands - set(without)


def test_list_and_search_as_json_have_what_the_page_documents(desk: Desk, server: FakeServer) -> None:
    begin(desk, "hi")
    [session] = desk.run("sessions", "list", "--json").json
    assert list(session) == SESSION_KEYS
    [hit, *_] = desk.run("sessions", "search", "--json", "hi").json
    assert list(hit) == ["session", "title", "message", "role", "created", "excerpt"]
    assert {*session, *hit} <= documented_keys()


def test_export_as_json_has_everything_and_what_the_page_documents(desk: Desk, server: FakeServer) -> None:
    session = begin(desk, "hi")
    report: dict[str, Any] = desk.run("sessions", "export", "--format", "json", session).json
    question, answer = report["messageTree"]
    assert (question["parent"], answer["parent"], report["leaf"]) == (None, question["id"], answer["id"])
    assert [question.pop("parts"), answer.pop("parts")] == [
        [{"type": "text", "text": "hi"}],
        [{"type": "text", "text": PARIS}],
    ]
    [call] = report["turns"][0]["calls"]
    assert (call["endpoint"], call["keySource"]) == (server.base_url, "environment (VLLM_API_KEY)")
    assert (call["outcome"], call["finish"], call["failure"], call["message"]) == ("answered", "stop", None, None)
    del call["usage"], call["timings"]  # as in `ask --json`
    only_elsewhere = {"export", "session", "excerpt", "usage", "timings", "parts"}
    assert set(keys(report)) == documented_keys(*only_elsewhere)


@pytest.mark.parametrize("form", ["md", "json"])
def test_what_was_asked_with_half_characters_can_be_exported(desk: Desk, server: FakeServer, form: str) -> None:
    assert desk.process("ask", "caf\udce9").code == 0
    session = desk.process("sessions", "list", "--json").json[0]["id"]
    told = desk.process("sessions", "export", "--format", form, session)
    assert (told.code, told.err) == (0, "")
    assert "caf" in told.out
    if form == "json":
        assert told.json["messageTree"][0]["parts"] == [{"type": "text", "text": "caf\ufffd"}]
