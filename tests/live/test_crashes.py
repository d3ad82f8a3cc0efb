"""FluffBuzz itself is interrupted: nothing that was shown is lost, and the conversation goes on where it stopped."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pexpect
import pytest
from tests.live.program import Program, Running, text_of
from tests.live.servers import API_KEY, VllmServer

QUESTION = "How do I make a cup of tea?"  # answered in some 270 tokens, then the model stops by itself
GREEDY: dict[str, Any] = {"temperature": 0, "max_tokens": 1000}
ENDLESS: dict[str, Any] = {"temperature": 0, "max_tokens": 2000, "extra_body": {"ignore_eos": True}}
CHECKPOINT_SECONDS = 1.0
WRITING_SECONDS = 0.75  # for a checkpoint to be written while two cores are busy with the answer itself
TERMINAL_SECONDS = 60


class Answer(NamedTuple):
    text: str
    tokens: int


@pytest.fixture(scope="module")
def undisturbed(vllm: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answer]:
    """The whole answer, as it is without any interruption."""
    program = Program(tmp_path_factory.mktemp("undisturbed"))
    program.use_server(vllm.base_url, API_KEY, params=GREEDY)
    report = program.ask(QUESTION)
    assert report["finish"] == "stop"
    yield Answer(report["text"], report["usage"]["output"])
    program.end()


@pytest.fixture
def greedy_user(program: Program, vllm: VllmServer) -> Program:
    program.use_server(vllm.base_url, API_KEY, params=GREEDY)
    return program


def killed_mid_answer(program: Program, seconds: float) -> Running:
    """FluffBuzz, killed after it had shown an answer for so long."""
    running = program.start("ask", QUESTION)
    running.wait_for_seconds_of_output(seconds)
    assert running.is_running()
    running.signal(signal.SIGKILL)
    assert running.finish().code == -signal.SIGKILL
    return running


def only_document(program: Program) -> Any:
    (session,) = program.sessions()
    return program.export(session["id"])


def test_kill_9_loses_at_most_a_second_and_the_conversation_goes_on(program: Program, vllm: VllmServer) -> None:
    program.use_server(vllm.base_url, API_KEY, params=ENDLESS)
    before = vllm.token_totals()
    running = killed_mid_answer(program, 2 * CHECKPOINT_SECONDS + WRITING_SECONDS)
    died = running.shown[-1].at
    document = only_document(program)
    (turn,), answer = document["turns"], document["messageTree"][-1]
    assert (answer["state"], turn["outcome"]) == ("cut", "cut")
    stored = text_of(answer)
    seconds = CHECKPOINT_SECONDS + WRITING_SECONDS
    early = b"".join(piece.data for piece in running.shown if piece.at <= died - seconds).decode("utf-8", "ignore")
    assert running.text.startswith(stored)
    assert len(stored) >= len(early) > 0
    assert f"(cut off)\n\n{stored}" in program.run("sessions", "show", document["id"]).out
    tokens = program.status()["tokens"]
    assert tokens["kinds"]["output"] == "unknown", "what the cut turn took was not told to anybody"
    assert vllm.token_totals().generation - before.generation < ENDLESS["max_tokens"], "the server stopped too"
    report = program.ask("Thank you.", "--continue", "--max-tokens", "8")
    assert report["session"] == document["id"]
    roles = [message["role"] for message in program.export(document["id"])["messageTree"]]
    assert roles == ["user", "assistant", "user", "assistant"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_continue_takes_an_interrupted_answer_up_exactly_where_it_stopped(
    greedy_user: Program, vllm: VllmServer, undisturbed: Answer, how: signal.Signals
) -> None:
    if how is signal.SIGKILL:
        killed_mid_answer(greedy_user, 1.5 * CHECKPOINT_SECONDS)
    else:
        running = greedy_user.start("ask", QUESTION)
        running.wait_for_text(120)
        running.signal(how)
        assert running.finish().code == 130
    vllm.token_totals()  # alone on the server again, so that rounding is the same as undisturbed
    document = only_document(greedy_user)
    begun = text_of(document["messageTree"][-1])
    assert undisturbed.text.startswith(begun)
    assert 0 < len(begun) < len(undisturbed.text)
    chat = greedy_user.run("chat", "--session", document["id"], stdin="/continue\n/continue\n")
    assert chat.code == 0
    assert "There is no unfinished answer to continue." in chat.err, "the second time"
    whole = only_document(greedy_user)
    tree = {message["id"]: message for message in whole["messageTree"]}
    answer = tree[whole["leaf"]]
    assert (answer["state"], text_of(answer)) == ("whole", undisturbed.text)
    assert undisturbed.text.removeprefix(begun) in chat.out
    assert begun in [text_of(message) for message in tree.values()], "the part stays in the tree"
    assert [call["kind"] for call in whole["turns"][-1]["calls"]] == ["continuation"]


def test_ctrl_c_in_the_chat_cancels_the_answer_and_leaves_the_chat_open(
    greedy_user: Program, vllm: VllmServer, undisturbed: Answer
) -> None:
    before = vllm.token_totals()
    environment = {**greedy_user.env, "TERM": "dumb"}
    terminal = pexpect.spawn(
        sys.executable, ["-m", "fluffbuzz", "chat"], env=environment, encoding="utf-8", timeout=TERMINAL_SECONDS
    )
    terminal.expect_exact("window 4,096 (from the server)")
    terminal.expect_exact("› ")
    terminal.send(f"{QUESTION}\r")
    terminal.expect_exact(undisturbed.text[:40])
    terminal.sendintr()
    terminal.expect_exact("the part is kept. /continue or /retry")
    terminal.expect_exact("› ")
    assert vllm.token_totals().generation - before.generation < undisturbed.tokens
    terminal.send("/continue\r")
    terminal.expect(r"\d+ in .*· first token")
    terminal.expect_exact("› ")
    terminal.send("/exit\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    after = vllm.token_totals()
    document = only_document(greedy_user)
    cancelled, taken_up = (turn["calls"][0] for turn in document["turns"])
    assert (cancelled["outcome"], taken_up["outcome"]) == ("cancelled", "answered")
    usages = [cancelled["usage"], taken_up["usage"]]
    assert sum(usage["input"] for usage in usages) == after.prompt - before.prompt
    assert sum(usage["output"] for usage in usages) <= after.generation - before.generation
    assert text_of(document["messageTree"][-1]) == undisturbed.text
    assert not re.search("Traceback", terminal.before or "")
    assert not list(Path(greedy_user.state, "running").glob("*.lock")), "a chat that ended leaves no lock"
