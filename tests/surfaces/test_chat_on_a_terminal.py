"""The chat on a terminal: typing, keys, history and completion, and an answer that is interrupted."""

from __future__ import annotations

import stat
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import pytest
from tests.surfaces.answers import Watched
from tests.surfaces.desk import Desk, chats, sent_texts, settings_for
from tests.surfaces.terminal import ALT_ENTER, CTRL_C, CTRL_D, PATIENCE, TAB, UP, Terminal

from fluffbuzz.testing import FakeServer, FakeVllm, Pause, ReceivedRequest
from fluffbuzz.testing.raw_http import Action

PROMPT = "›"
PARIS = "The capital of France is Paris."


@contextmanager
def chatting(desk: Desk, *options: str) -> Iterator[Terminal]:
    """A chat at its first prompt, with room for long lines."""
    with desk.terminal("chat", *options, columns=120) as terminal:
        terminal.until(PROMPT)
        yield terminal


def leave(terminal: Terminal) -> None:
    """End the chat as most people do."""
    terminal.type(CTRL_D)
    assert terminal.end() == 0


def test_a_message_is_typed_answered_and_left_with_ctrl_d(desk: Desk, server: FakeServer) -> None:
    with chatting(desk) as terminal:
        terminal.say("What is the capital of France?")
        terminal.until(PROMPT, times=2)
        leave(terminal)
    lines = [line for line in terminal.text.splitlines() if line.strip()]
    assert lines[0].endswith("· vllm/org/small · window 4,096 (from the server) · /help")
    assert lines[1:3] == [f"{PROMPT} What is the capital of France?", PARIS]
    assert lines[3].startswith("vllm/org/small · 12 in · 8 out · 0.5 % of 4,096 · first token ")
    assert list(sent_texts(chats(server)[0])) == [("user", "What is the capital of France?")]


def test_a_message_may_have_several_lines_typed_or_pasted(desk: Desk, server: FakeServer) -> None:
    with chatting(desk) as terminal:
        terminal.type("one" + ALT_ENTER + "two")
        terminal.until("two")
        assert not chats(server)
        terminal.say("")
        terminal.until(PROMPT, times=2)
        terminal.type("\x1b[200~three\rfour\x1b[201~")
        terminal.until("four")
        assert len(chats(server)) == 1
        terminal.say("")
        terminal.until(PROMPT, times=3)
        leave(terminal)
    assert [list(sent_texts(body))[-1] for body in chats(server)] == [("user", "one\ntwo"), ("user", "three\nfour")]


def test_ctrl_c_cancels_the_answer_keeps_its_part_and_leaves_the_chat_open(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.answer = ("The", " capital of", Pause(), " never")
    server.responder = watched = Watched(model)
    with chatting(desk) as terminal:
        terminal.say("hi")
        terminal.until("The capital of")
        terminal.type(CTRL_C)
        terminal.until("cancelled; the part is kept. /continue or /retry")
        terminal.until(PROMPT, times=2)
        assert watched.left.wait(PATIENCE)
        assert model.ended["abort"] == 1
        model.answer = ("The", " capital of", " France.")
        terminal.say("/continue")
        terminal.until(PROMPT, times=3)
        leave(terminal)
    assert chats(server)[1]["messages"][-1] == {"role": "assistant", "content": "The capital of"}
    session = desk.run("sessions", "list", "--json").json[0]["id"]
    *_, answer = desk.run("sessions", "export", "--format", "json", session).json["messageTree"]
    assert (answer["state"], answer["parts"][0]["text"]) == ("whole", "The capital of France.")


def test_ctrl_c_ends_a_command_that_waits_and_nothing_else(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    pause = Pause()

    async def respond(request: ReceivedRequest) -> AsyncGenerator[Action]:
        if len(server.requests) == 2:
            yield pause
        async for action in model(request):
            yield action

    server.responder = respond
    with chatting(desk) as terminal:
        terminal.say("/models --refresh")
        assert pause.wait_until_reached(PATIENCE)
        terminal.type(CTRL_C)
        terminal.until(PROMPT, times=2)
        terminal.say("hi")
        terminal.until(PARIS)
        terminal.until(PROMPT, times=3)
        leave(terminal)


def test_what_is_typed_while_an_answer_runs_is_the_next_message(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    pause = Pause()
    model.answer = ("The", pause, " end.")
    with chatting(desk) as terminal:
        terminal.say("one")
        terminal.until("The")
        terminal.say("two")
        pause.release()
        terminal.until("The end.", times=2)
        terminal.until(PROMPT, times=3)
        leave(terminal)
    assert [list(sent_texts(body))[-1] for body in chats(server)] == [("user", "one"), ("user", "two")]


def test_ctrl_c_at_the_prompt_begins_the_line_anew(desk: Desk, server: FakeServer) -> None:
    with chatting(desk) as terminal:
        terminal.type("never mind")
        terminal.until("never mind")
        terminal.type(CTRL_C)
        terminal.until(PROMPT, times=2)
        terminal.say("hi")
        terminal.until(PROMPT, times=3)
        leave(terminal)
    assert list(sent_texts(chats(server)[0])) == [("user", "hi")]


def test_a_server_that_dies_between_turns_leaves_the_chat_open(desk: Desk) -> None:
    server = FakeServer.vllm()
    desk.env["VLLM_API_KEY"] = "anything"
    with server:
        desk.configure(settings_for({"vllm": server.base_url}))
        with desk.terminal("chat", columns=120) as terminal:
            terminal.until(PROMPT)
            server.__exit__(None)
            terminal.say("one")
            terminal.until("refused the connection.")
            terminal.until(PROMPT, times=2)
            server.__enter__()
            terminal.say("two")
            terminal.until(PARIS)
            terminal.until(PROMPT, times=3)
            leave(terminal)


def test_what_was_typed_comes_back_in_the_next_run(desk: Desk, server: FakeServer) -> None:
    with chatting(desk) as terminal:
        terminal.say("remember me")
        terminal.until(PROMPT, times=2)
        leave(terminal)
    history = desk.state / "history"
    assert "remember me" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    with chatting(desk) as terminal:
        terminal.type(UP)
        terminal.until("remember me")
        leave_line(terminal)
    assert len(chats(server)) == 1


def leave_line(terminal: Terminal) -> None:
    """Leave although something stands in the line."""
    terminal.type(CTRL_C)
    terminal.until(PROMPT, times=2)
    leave(terminal)


@pytest.mark.parametrize("options", [(), ("--no-save",)])
def test_the_history_can_be_switched_off(desk: Desk, server: FakeServer, options: tuple[str, ...]) -> None:
    if not options:
        desk.use(server, chat={"history": False})
    with chatting(desk, *options) as terminal:
        terminal.say("forget me")
        terminal.until(PROMPT, times=2)
        terminal.type(UP)
        terminal.until("forget me", times=2)
        terminal.type(CTRL_C)
        terminal.until(PROMPT, times=3)
        leave(terminal)
    assert not (desk.state / "history").exists()


def test_tab_completes_commands_and_references(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    with chatting(desk) as terminal:
        terminal.type("/stat" + TAB)
        terminal.until(f"{PROMPT} /status")
        terminal.say("")
        terminal.until(PROMPT, times=2)
        terminal.type("/model vllm/org/o" + TAB)
        terminal.until(f"{PROMPT} /model vllm/org/other")
        terminal.say("")
        terminal.until(PROMPT, times=3)
        terminal.type("/s" + TAB)
        for name in ("/status", "/system", "/sessions"):
            terminal.until(lambda screen, name=name: name in screen.visible)  # type: ignore[misc]  # a default binds it
        terminal.type(CTRL_C)
        terminal.until(PROMPT, times=4)
        leave(terminal)
    assert "vllm/org/other · window 4,096 (from the server)" in terminal.text
    assert not chats(server)


def test_exit_leaves_and_the_terminal_is_as_before(desk: Desk, server: FakeServer) -> None:
    with chatting(desk) as terminal:
        terminal.say("/exit")
        assert terminal.end() == 0
    assert terminal.raw.count("\x1b[?2004h") == terminal.raw.count("\x1b[?2004l")


def test_a_dumb_terminal_can_chat_too(desk: Desk, server: FakeServer) -> None:
    desk.env["TERM"] = "dumb"
    with chatting(desk) as terminal:
        terminal.say("hi")
        terminal.until(PARIS)
        terminal.until(PROMPT, times=2)
        terminal.say("/exit")
        assert terminal.end() == 0
    assert "\x1b[2m" not in terminal.raw
    assert "\x1b[31m" not in terminal.raw


@pytest.mark.parametrize(
    ("options", "before", "said"),
    [
        (("--no-save",), ("The", " capital"), "cancelled; the part is there until you leave. /continue or /retry"),
        ((), (), "cancelled before anything arrived. /retry"),
    ],
)
def test_what_is_said_of_a_cancelled_answer_is_true(
    desk: Desk, server: FakeServer, model: FakeVllm, options: tuple[str, ...], before: tuple[str, ...], said: str
) -> None:
    pause = Pause()
    model.answer = (*before, pause)
    with chatting(desk, *options) as terminal:
        terminal.say("hi")
        assert pause.wait_until_reached(PATIENCE)
        terminal.until("".join(before) or "waiting …")
        terminal.type(CTRL_C)
        terminal.until(said)
        terminal.until(PROMPT, times=2)
        leave(terminal)
