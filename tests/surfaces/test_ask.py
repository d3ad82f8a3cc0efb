"""`fluffbuzz ask` in a pipe: what is sent for a command line, and what comes out where."""

from __future__ import annotations

import subprocess
from unittest import mock

import pytest
from tests.surfaces.answers import answering, asking_for, choice, stream
from tests.surfaces.desk import Desk, chats, sent_texts

from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.testing import FakeServer, FakeVllm, Pause, json_response

PARIS = "The capital of France is Paris."


def test_the_answer_alone_goes_to_standard_output(desk: Desk, server: FakeServer) -> None:
    told = desk.ask("What is the capital of France?")
    assert (told.code, told.out, told.err) == (0, PARIS + "\n", "")


@pytest.mark.parametrize(
    ("words", "piped", "sent"),
    [
        (["one question"], "", "one question"),
        (["several", "words"], "", "several words"),
        ([], "only piped\n", "only piped"),
        (["Review this"], "diff --git a b\n+x\n", "Review this\n\ndiff --git a b\n+x"),
        (["question"], " \n\n", "question"),
        (["日本語で", "答えて"], "こんにちは", "日本語で 答えて\n\nこんにちは"),
        (["--", "-5 is less than 3?"], "", "-5 is less than 3?"),
    ],
)
def test_words_and_piped_text_make_one_message(
    desk: Desk, server: FakeServer, words: list[str], piped: str, sent: str
) -> None:
    assert desk.ask(*words, stdin=piped).code == 0
    assert list(sent_texts(chats(server)[0])) == [("user", sent)]


def test_piped_bytes_that_are_no_text_are_sent_as_well_as_they_can_be_read(desk: Desk, server: FakeServer) -> None:
    assert desk.ask("what is this?", stdin=b"caf\xe9").code == 0
    assert list(sent_texts(chats(server)[0])) == [("user", "what is this?\n\ncaf\ufffd")]


@pytest.mark.parametrize("arguments", [(), (" ",), ("--json",), ("--no-stream", "")])
def test_a_question_without_words_is_a_usage_error_and_asks_nobody(
    desk: Desk, server: FakeServer, arguments: tuple[str, ...]
) -> None:
    told = desk.ask(*arguments)
    assert told.code == 2
    assert "There is nothing to ask." in told.out + told.err
    assert not server.requests


def test_too_much_piped_text_is_refused_before_anything_is_sent(desk: Desk, server: FakeServer) -> None:
    with mock.patch("fluffbuzz.surfaces.cli.ask.MAX_TEXT", 2**20):
        told = desk.ask("sum up", stdin=b"x" * (2**20 + 1))
    assert (told.code, told.out) == (2, "")
    assert "Standard input is larger than 1 MiB." in told.err
    assert not server.requests


def test_without_options_no_sampling_value_is_sent(desk: Desk, server: FakeServer) -> None:
    desk.ask("hi")
    assert set(chats(server)[0]) == {"model", "messages", "stream", "stream_options"}


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--temperature", "0.3"], "temperature", 0.3),
        (["--temperature", "0"], "temperature", 0),
        (["--max-tokens", "5"], "max_tokens", 5),
        (["--max-tokens", "1000000"], "max_tokens", 4096),
    ],
)
def test_sampling_options_reach_the_server(
    desk: Desk, server: FakeServer, options: list[str], name: str, value: float
) -> None:
    assert desk.ask(*options, "hi").code == 0
    assert chats(server)[0][name] == value


@pytest.mark.parametrize("options", [["--temperature", "hot"], ["--temperature", "-1"], ["--max-tokens", "0"]])
def test_a_value_that_cannot_be_is_a_usage_error_and_asks_nobody(
    desk: Desk, server: FakeServer, options: list[str]
) -> None:
    told = desk.ask(*options, "hi")
    assert (told.code, told.out) == (2, "")
    assert options[0] in told.err
    assert not server.requests


def test_no_stream_prints_the_same_answer_and_still_streams_from_the_server(desk: Desk, server: FakeServer) -> None:
    told = desk.ask("--no-stream", "hi")
    assert (told.code, told.out, told.err) == (0, PARIS + "\n", "")
    assert chats(server)[0]["stream"] is True


@pytest.mark.parametrize("option", [[], ["--no-stream"]])
def test_an_answer_that_ends_with_a_line_end_gets_no_second_one(
    desk: Desk, server: FakeServer, model: FakeVllm, option: list[str]
) -> None:
    model.answer = ("a line", "\n")
    assert desk.ask(*option, "hi").out == ("a line\n")


def test_in_a_pipe_the_answer_is_what_the_model_said_character_for_character(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.answer = ("# no *Markdown*\r\n", "\x1b[31mred\u2028", "日本語 🦊\ttab")
    assert desk.ask("hi").out == "# no *Markdown*\r\n\x1b[31mred\u2028日本語 🦊\ttab\n"


def test_what_the_pipe_cannot_carry_becomes_a_question_mark_and_the_answer_goes_on(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.answer = ("Grüße aus", " 東京", "!")
    desk.env["PYTHONIOENCODING"] = "ascii"
    told = desk.process("ask", "hi")
    assert (told.code, told.out, told.err) == (0, "Gr??e aus ??!\n", "")


def test_of_several_choices_only_the_first_is_shown_and_kept(desk: Desk, server: FakeServer) -> None:
    first, second = choice("first "), choice("second ", 1)
    server.responder = answering(*stream(first, second, choice("choice", 0, "stop"), choice("one", 1, "stop")))
    assert desk.ask("hi").out == "first choice\n"
    assert desk.run("sessions", "search", "first choice").code == 0
    assert desk.run("sessions", "search", "second").code == 1


def test_an_unstreamed_reply_is_an_answer_too(desk: Desk, server: FakeServer) -> None:
    reply = {"choices": [{"index": 0, "message": {"content": "all at once"}, "finish_reason": "stop"}]}
    server.responder = answering(json_response(reply))
    assert desk.ask("hi").out == "all at once\n"


def test_thinking_is_not_part_of_the_answer(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.thinking = ("let me", " think")
    told = desk.ask("hi")
    assert (told.code, told.out, told.err) == (0, PARIS + "\n", "")


@pytest.mark.parametrize("option", [[], ["--no-stream"]])
def test_an_answer_of_thinking_only_says_so_with_the_tokens_spent(
    desk: Desk, server: FakeServer, model: FakeVllm, option: list[str]
) -> None:
    model.thinking, model.answer = ("let me", " think", " about it"), ()
    told = desk.ask(*option, "--max-tokens", "3", "hi")
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        "error: The model only thought and gave no answer (3 tokens, it ended with “length”).\n"
        "Give it more room with a larger --max-tokens, or ask for less.\n"
    )


def test_thinking_that_ended_by_itself_points_at_the_reasoning_parser(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.thinking, model.answer = ("hm",), ()
    assert "check that its reasoning parser fits the model" in desk.ask("hi").err


@pytest.mark.parametrize("option", [[], ["--no-stream"]])
def test_an_empty_answer_says_so(desk: Desk, server: FakeServer, model: FakeVllm, option: list[str]) -> None:
    model.answer = ()
    told = desk.ask(*option, "hi")
    assert (told.code, told.out) == (1, "")
    assert told.err == "error: The model gave an empty answer.\nAsk again, or differently.\n"


def test_an_answer_of_white_space_is_an_empty_one(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = (" ", "\n")
    told = desk.ask("hi")
    assert (told.code, told.out) == (1, " \n")
    assert "The model gave an empty answer." in told.err


def test_a_model_that_asks_for_tools_instead_says_which(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(*stream(asking_for("get_weather", '{"city": "Paris"}')))
    told = desk.ask("hi")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("error: The model asked for tools (get_weather) that it was not offered.\n")
    session = desk.run("sessions", "list", "--json").json[0]["id"]
    assert '[tool call: get_weather({"city": "Paris"})]' in desk.run("sessions", "show", session).out
    *_, answer = desk.run("sessions", "export", "--format", "json", session).json["messageTree"]
    [part] = answer["parts"]
    assert part == {"type": "toolCall", "id": "call-1", "name": "get_weather", "arguments": '{"city": "Paris"}'}


def test_a_system_message_goes_first(desk: Desk, server: FakeServer) -> None:
    desk.ask("--system", "Be brief.", "hi")
    assert list(sent_texts(chats(server)[0])) == [("system", "Be brief."), ("user", "hi")]


def test_continue_goes_on_with_the_latest_conversation(desk: Desk, server: FakeServer) -> None:
    desk.ask("the older one")
    desk.ask("the latest")
    assert desk.ask("--continue", "and then?").code == 0
    assert list(sent_texts(chats(server)[2])) == [("user", "the latest"), ("assistant", PARIS), ("user", "and then?")]


def test_session_goes_on_with_that_conversation_by_a_unique_beginning(desk: Desk, server: FakeServer) -> None:
    first = desk.ask("--json", "the older one").json["session"]
    desk.ask("the latest")
    assert desk.ask("--json", "--session", first, "and then?").json["session"] == first
    assert next(iter(sent_texts(chats(server)[2]))) == ("user", "the older one")


def test_a_new_system_message_replaces_that_of_the_conversation(desk: Desk, server: FakeServer) -> None:
    desk.ask("--system", "Be brief.", "hi")
    desk.ask("--continue", "--system", "Speak French.", "and?")
    desk.ask("--continue", "again")
    for body in chats(server)[1:]:
        texts = list(sent_texts(body))
        assert texts[0] == ("system", "Speak French.")
        assert [role for role, _ in texts].count("system") == 1


def test_a_conversation_keeps_the_model_it_was_begun_with(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    desk.ask("--model", "vllm/org/other", "hi")
    desk.ask("--continue", "and?")
    assert [body["model"] for body in chats(server)] == ["org/other", "org/other"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--session", "abc", "--continue"], "--session and --continue name two different conversations."),
        (["--session", "nosuch"], "There is no conversation nosuch."),
        (["--continue"], "There is no conversation to continue."),
        (["--session", "abc", "--no-save"], "there is none to go on with"),
        (["--continue", "--no-save"], "there is none to go on with"),
    ],
)
def test_a_conversation_that_cannot_be_meant_is_a_usage_error_and_asks_nobody(
    desk: Desk, server: FakeServer, options: list[str], words: str
) -> None:
    told = desk.ask(*options, "hi")
    assert (told.code, told.out) == (2, "")
    assert words in told.err
    assert not chats(server)


def test_no_save_leaves_no_trace(desk: Desk, server: FakeServer) -> None:
    assert desk.ask("--no-save", "a secret question").out == PARIS + "\n"
    assert [path.name for path in desk.state.iterdir()] == ["fluffbuzz.json"]


def test_nothing_is_kept_where_the_configuration_says_so(desk: Desk, server: FakeServer) -> None:
    desk.use(server, storage={"save": False})
    assert desk.ask("--json", "hi").json["session"] is None
    assert not desk.database.exists()


@pytest.mark.parametrize("ref", ["vllm/org/other", "VLLM/org/other", "org/other"])
def test_a_model_is_named_by_its_reference_or_by_its_bare_id(
    desk: Desk, server: FakeServer, model: FakeVllm, ref: str
) -> None:
    model.models = ("org/small", "org/other")
    assert desk.ask("--model", ref, "hi").code == 0
    assert chats(server)[0]["model"] == "org/other"


def test_of_several_models_the_first_answers_and_the_choice_is_explained_beside_the_answer(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.models = (ServedModel("org/embed", 512), "org/small", "org/other")
    told = desk.ask("hi")
    assert (told.code, told.out) == (0, PARIS + "\n")
    assert told.err == (
        "vLLM serves 2 models; using the first, vllm/org/small. Choose with --model vllm/org/other, "
        "or for good: fluffbuzz config set agents.defaults.model vllm/org/other\n"
    )


def test_the_configured_default_answers_without_a_word(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ("org/small", "org/other")
    desk.use(server)
    desk.run("config", "set", "agents.defaults.model", "vllm/org/other")
    told = desk.ask("hi")
    assert (told.code, told.err) == (0, "")
    assert chats(server)[0]["model"] == "org/other"


def test_a_server_that_refuses_stream_options_is_asked_once_more_and_that_is_remembered(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.refuses_stream_options = True
    assert [desk.ask("hi").out for _ in range(2)] == [PARIS + "\n"] * 2
    assert ["stream_options" in body for body in chats(server)] == [True, False, False]
    assert "stream_options" in desk.run("status").out


def test_an_answer_is_written_as_it_comes(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    pause = Pause()
    model.answer = ("one ", pause, "two")
    with desk.start("ask", "hi", stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"one "
        pause.release()
        assert process.communicate(timeout=30) == (b"two\n", b"")


@pytest.mark.parametrize("option", [[], ["--no-stream"]])
def test_an_answer_that_was_cut_at_its_limit_says_so_beside_it(
    desk: Desk, server: FakeServer, option: list[str]
) -> None:
    told = desk.ask(*option, "--max-tokens", "2", "hi")
    assert (told.code, told.out) == (0, "The capital\n")
    assert told.err == "the answer was cut at the limit of 2 tokens (finish: length)\n"


@pytest.mark.parametrize(
    ("finish", "said"),
    [
        ("content_filter", "the answer was cut by the server's filter (finish: content_filter)\n"),
        ("length", "the answer was cut at the limit (finish: length)\n"),
        ("stop", ""),
    ],
)
def test_of_an_answer_without_counts_it_is_said_why_it_was_cut(
    desk: Desk, server: FakeServer, finish: str, said: str
) -> None:
    server.responder = answering(*stream(choice("well", finish=finish)))
    told = desk.ask("hi")
    assert (told.code, told.out, told.err) == (0, "well\n", said)
    assert desk.ask("--json", "hi").err == ""
