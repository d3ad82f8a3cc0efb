"""What the chat does with each line; the lines come through a pipe here, where nothing but their meaning matters."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any
from unittest import mock

import pytest
from tests.surfaces.answers import answering, choice, refusal, stream
from tests.surfaces.desk import Desk, Result, chats, sent_texts, settings_for

from fluffbuzz.adapters.sqlite import SqliteSessionStore
from fluffbuzz.surfaces.tui.commands import COMMANDS
from fluffbuzz.testing import LAST_CHUNK, EngineDeath, FakeServer, FakeVllm, ReceivedRequest
from fluffbuzz.testing.raw_http import Action

PARIS = "The capital of France is Paris."


def chat(desk: Desk, *lines: str, options: tuple[str, ...] = ()) -> Result:
    """A chat in which these lines are said; it must end well."""
    told = desk.run("chat", *options, stdin="".join(f"{line}\n" for line in lines))
    assert told.code == 0, told.err
    assert "Traceback" not in told.err
    return told


def said(desk: Desk) -> list[dict[str, Any]]:
    """The messages of the conversation used last, every branch."""
    session = desk.run("sessions", "list", "--json").json[0]["id"]
    tree: list[dict[str, Any]] = desk.run("sessions", "export", "--format", "json", session).json["messageTree"]
    return tree


def test_it_begins_with_who_answers_and_how_much_fits(desk: Desk, server: FakeServer) -> None:
    told = chat(desk)
    assert re.match(r"FluffBuzz \S+ · vllm/org/small · window 4,096 \(from the server\) · /help\n$", told.out)
    assert desk.run("sessions", "list").out == "No conversations yet.\n", "a look is no conversation"


def test_each_line_is_a_message_of_one_conversation(desk: Desk, server: FakeServer) -> None:
    told = chat(desk, "one", "", "   ", "two")
    assert told.out.splitlines()[1:] == [PARIS, PARIS]
    assert [list(sent_texts(body)) for body in chats(server)] == [
        [("user", "one")],
        [("user", "one"), ("assistant", PARIS), ("user", "two")],
    ]
    assert told.err.count("vllm/org/small · ") == 2, "a closing line under each answer"


def test_help_lists_every_command_with_its_purpose_and_the_keys(desk: Desk, server: FakeServer) -> None:
    told = chat(desk, "/help")
    for command in COMMANDS.values():
        assert command.usage in told.out
        assert command.purpose in told.out
    assert "Alt-Enter" in told.out
    assert "Ctrl-C" in told.out
    assert "Ctrl-D" in told.out


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [("/hepl", "/help"), ("/stats", "/status"), ("/mdel", "/model"), ("/quit", "/exit"), ("/xyzzy", "")],
)
def test_an_unknown_command_gets_the_nearest_and_is_not_sent(
    desk: Desk, server: FakeServer, typed: str, proposed: str
) -> None:
    told = chat(desk, typed)
    assert f"error: There is no command {typed}.\n" in told.err
    assert (f"Did you mean {proposed}?" if proposed else "See: /help") in told.err
    assert not chats(server)


def test_exit_leaves_at_once(desk: Desk, server: FakeServer) -> None:
    chat(desk, "/exit", "never said")
    assert not chats(server)


def test_model_shows_and_changes_who_answers(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    told = chat(desk, "/model", "one", "/model vllm/org/other", "two", "/model default", "three")
    assert [body["model"] for body in chats(server)] == ["org/small", "org/other", "org/small"]
    assert told.out.count("vllm/org/other · window 4,096 (from the server)\n") == 1


def test_a_chosen_model_is_kept_with_the_conversation(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    chat(desk, "one", "/model vllm/org/other")
    session = desk.run("sessions", "list", "--json").json[0]
    assert session["model"] == "vllm/org/other"
    chat(desk, "two", options=("--session", session["id"]))
    assert chats(server)[-1]["model"] == "org/other"


def test_a_model_that_is_not_there_leaves_the_one_that_answers(desk: Desk, server: FakeServer) -> None:
    told = chat(desk, "/model vllm/nosuch", "one")
    assert "error: There is no model nosuch" in told.err
    assert PARIS in told.out


def test_models_lists_what_is_served_and_marks_who_answers(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    told = chat(desk, "/models")
    assert "* vllm/org/small · window 4,096 (from the server)\n  vllm/org/other · window" in told.out
    looks = len(server.requests)
    chat(desk, "/models --refresh")
    assert len(server.requests) == looks + 1


def test_status_is_the_card_of_this_conversation(desk: Desk, server: FakeServer) -> None:
    told = chat(desk, "/status", "What is the capital of France?", "/status")
    assert "session   none yet" in told.out
    assert "tokens    12 in · 8 out" in told.out
    assert "context   20 used, 0.5 % of 4,096" in told.out


def test_new_begins_another_conversation(desk: Desk, server: FakeServer) -> None:
    chat(desk, "one", "/new", "two")
    assert list(sent_texts(chats(server)[1])) == [("user", "two")]
    assert len(desk.run("sessions", "list", "--json").json) == 2


def test_retry_has_the_last_message_answered_anew_and_keeps_both(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    answers = iter(["first", "second"])
    model.answer = lambda _: (next(answers),)
    told = chat(desk, "hi", "/retry")
    assert told.out.splitlines()[1:] == ["first", "second"]
    assert [list(sent_texts(body)) for body in chats(server)] == [[("user", "hi")]] * 2
    question, *tried = said(desk)
    assert [answer["parent"] for answer in tried] == [question["id"]] * 2


def test_continue_takes_up_a_broken_answer_where_it_stops(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    async def dies_once(request: ReceivedRequest) -> AsyncGenerator[Action]:
        broken = request.method == "POST" and len(chats(server)) == 1
        whole = model.answer
        model.answer = (*list(FakeVllm().answer)[:3], EngineDeath()) if broken else whole  # type: ignore[arg-type]
        async for action in model(request):
            yield action
        model.answer, model.is_dead = whole, False

    server.responder = dies_once
    told = chat(desk, "What is the capital of France?", "/continue")
    assert told.out.splitlines()[1:] == ["The capital of", " France is Paris."]
    assert "What arrived is kept. In the chat: /continue or /retry." in told.err
    body = chats(server)[1]
    assert body["continue_final_message"] is True
    assert list(sent_texts(body))[-1] == ("assistant", "The capital of")
    *_, answer = said(desk)
    assert (answer["parts"][0]["text"], answer["state"]) == (PARIS, "whole")


@pytest.mark.parametrize("command", ["/retry", "/continue"])
def test_without_a_message_there_is_nothing_to_retry_or_continue(desk: Desk, server: FakeServer, command: str) -> None:
    told = chat(desk, command)
    assert "the conversation has no message yet." in told.err
    assert not chats(server)
    assert desk.run("sessions", "list").out == "No conversations yet.\n"


def test_a_whole_answer_is_not_continued(desk: Desk, server: FakeServer) -> None:
    told = chat(desk, "hi", "/continue")
    assert "There is no unfinished answer to continue." in told.err
    assert "/retry" in told.err
    assert len(chats(server)) == 1


def test_a_provider_that_cannot_continue_says_so(desk: Desk, server: FakeServer) -> None:
    desk.configure(settings_for({"sglang": server.base_url}))
    del desk.env["VLLM_API_KEY"]
    server.responder = answering(*stream(choice("half"))[:-2], LAST_CHUNK)
    told = chat(desk, "hi", "/continue")
    assert "SGLang cannot continue a partial answer." in told.err


def test_system_shows_and_sets_the_system_message(desk: Desk, server: FakeServer) -> None:
    told = chat(desk, "/system", "/system Be brief.", "/system", "one", "/system Speak French.", "/system", "two")
    lines = told.out.splitlines()
    assert (lines[1], lines[2]) == ("no system message", "Be brief.")
    assert "Speak French." in lines
    assert [next(iter(sent_texts(body))) for body in chats(server)] == [
        ("system", "Be brief."),
        ("system", "Speak French."),
    ]


def test_options_say_who_answers_and_how(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    chat(desk, "hi", options=("--model", "vllm/org/other", "--system", "Be brief."))
    [body] = chats(server)
    assert body["model"] == "org/other"
    assert list(sent_texts(body)) == [("system", "Be brief."), ("user", "hi")]


def test_sessions_lists_conversations_and_goes_on_with_one(desk: Desk, server: FakeServer) -> None:
    desk.ask("the first of all")
    first = desk.run("sessions", "list", "--json").json[0]["id"]
    told = chat(desk, "another", "/sessions", f"/sessions {first}", "more")
    listed = [line for line in told.out.splitlines() if "“" not in line and line.startswith(first)]
    assert len(listed) == 1
    assert f"session {first} “the first of all”, 2 messages" in told.out
    assert next(iter(sent_texts(chats(server)[-1]))) == ("user", "the first of all")


def test_without_conversations_there_are_none_to_list(desk: Desk, server: FakeServer) -> None:
    assert "No conversations yet." in chat(desk, "/sessions").out


def test_a_conversation_that_cannot_be_gone_on_with_leaves_the_present_one(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.models = ("org/small", "org/other")
    desk.ask("--model", "vllm/org/other", "earlier")
    earlier = desk.run("sessions", "list", "--json").json[0]["id"]
    model.models = ("org/small",)
    desk.run("models", "list", "--refresh")
    told = chat(desk, "one", "/sessions nosuch", f"/sessions {earlier}", "two", options=("--model", "org/small"))
    assert "There is no conversation nosuch." in told.err
    assert "There is no model org/other" in told.err
    assert next(iter(sent_texts(chats(server)[-1]))) == ("user", "one")


def test_going_on_with_a_conversation_shows_its_end(desk: Desk, server: FakeServer) -> None:
    desk.ask("the beginning")
    desk.ask("--continue", "the end\x1b[2J")
    session = desk.run("sessions", "list", "--json").json[0]["id"]
    told = chat(desk, options=("--session", session[:11]))
    assert told.out.splitlines()[1:] == [
        f"session {session} “the beginning”, 4 messages",
        "user: the end␛[2J",
        f"assistant: {PARIS}",
    ]


def test_an_error_leaves_the_chat_open(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    async def once(request: ReceivedRequest) -> AsyncGenerator[Action]:
        if request.method == "POST" and len(chats(server)) == 1:
            yield refusal("EngineCore encountered an issue", 500)
            return
        async for action in model(request):
            yield action

    server.responder = once
    told = chat(desk, "one", "two")
    assert "error: vLLM at " in told.err
    assert "Restart vLLM" in told.err
    assert PARIS in told.out
    assert list(sent_texts(chats(server)[1])) == [("user", "one\n\ntwo")], "what went unanswered is not lost"


def test_thinking_only_is_told(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.thinking, model.answer = ("hm",), ()
    assert "error: The model only thought and gave no answer" in chat(desk, "hi").err


def test_no_save_leaves_no_trace(desk: Desk, server: FakeServer) -> None:
    chat(desk, "a secret", "/status", options=("--no-save",))
    assert [path.name for path in desk.state.iterdir()] == ["fluffbuzz.json"]


@pytest.mark.parametrize(
    "options", [("--session", "nosuch"), ("--model", "vllm/nosuch"), ("--session", "x", "--no-save")]
)
def test_a_chat_that_cannot_begin_says_why(desk: Desk, server: FakeServer, options: tuple[str, ...]) -> None:
    told = desk.run("chat", *options, stdin="never sent\n")
    assert told.code in (1, 2)
    assert told.err.startswith("error: ")
    assert not chats(server)


def test_a_server_that_is_down_keeps_a_chat_from_beginning(desk: Desk) -> None:
    with FakeServer() as gone:
        desk.use(gone)
    told = desk.run("chat", stdin="hi\n")
    assert (told.code, told.out) == (1, "")
    assert "refused the connection" in told.err


def test_of_several_models_the_choice_is_explained_once(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    told = chat(desk, "one", "/new", "two", "/model default")
    assert told.out.count("vLLM serves 2 models; using the first, vllm/org/small.") == 1


def test_opening_a_long_conversation_reads_its_end_only(desk: Desk, server: FakeServer) -> None:
    session = desk.ask("--json", "hi").json["session"]
    for number in range(15):
        desk.ask("--continue", f"message {number}")
    read: list[int] = []
    whole = SqliteSessionStore.branch

    async def counted(self: SqliteSessionStore, session: str, limit: int | None = None) -> Any:
        found = await whole(self, session, limit)
        read.append(len(found))
        return found

    with (
        mock.patch.object(SqliteSessionStore, "branch", counted),
        mock.patch.object(SqliteSessionStore, "everything", side_effect=AssertionError("all of it was read")),
        mock.patch.object(SqliteSessionStore, "turns", side_effect=AssertionError("all turns were read")),
    ):
        told = chat(desk, options=("--session", session))
    assert "32 messages" in told.out
    assert read == [2]


def test_with_debug_the_chat_adds_the_technical_story(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(refusal("very odd", 418, code="teapot"))
    assert "teapot" not in chat(desk, "hi").err
    told = desk.run("--debug", "chat", stdin="hi\n")
    assert "detail: kind=bad_request status=418 code=teapot param=: very odd" in told.err


def test_a_system_message_may_be_given_to_a_conversation_that_goes_on(desk: Desk, server: FakeServer) -> None:
    session = desk.ask("--json", "--system", "Be brief.", "one").json["session"]
    chat(desk, "two", options=("--session", session, "--system", "Speak French."))
    assert next(iter(sent_texts(chats(server)[-1]))) == ("system", "Speak French.")
    chat(desk, "three", options=("--session", session))
    assert next(iter(sent_texts(chats(server)[-1]))) == ("system", "Speak French.")


def test_models_tells_what_is_wrong_with_a_provider_that_lacks_a_variable(desk: Desk, server: FakeServer) -> None:
    settings = settings_for({"vllm": server.base_url})
    lacking = {"baseUrl": server.base_url, "apiKey": "${NOT_SET_ANYWHERE}", "models": [{"id": "org/mine"}]}
    settings["models"]["providers"]["sglang"] = lacking
    desk.configure(settings)
    told = chat(desk, "/models")
    assert "models.providers.sglang.apiKey needs ${NOT_SET_ANYWHERE}, which is not set. Set it: export NOT_SET" in (
        told.err
    )


def test_a_continuation_that_ends_at_once_is_no_empty_answer(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    async def dies_once(request: ReceivedRequest) -> AsyncGenerator[Action]:
        is_first = request.method == "POST" and len(chats(server)) == 1
        model.answer = ("all there is", EngineDeath()) if is_first else ()
        async for action in model(request):
            yield action
        model.is_dead = False

    server.responder = dies_once
    told = chat(desk, "hi", "/continue")
    assert len(chats(server)) == 2
    assert told.err.count("error: ") == 1
    assert "empty answer" not in told.err
    *_, answer = said(desk)
    assert (answer["parts"][0]["text"], answer["state"]) == ("all there is", "whole")


def test_an_answer_that_was_cut_at_its_limit_says_so_in_its_closing_line(desk: Desk, server: FakeServer) -> None:
    desk.use(server, agents={"defaults": {"models": {"vllm/*": {}}, "params": {"maxTokens": 2}}})
    assert "· cut at the limit (length)\n" in chat(desk, "hi").err
