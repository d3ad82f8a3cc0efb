"""An answer is shown while it is made, in every form in which it can be asked for."""

from __future__ import annotations

import io
import re
import sys

import pexpect
from tests.live.program import Program, text_of
from tests.live.servers import API_KEY, MODEL_ID, VllmServer

LONG = ("ask", "Write a poem about the sea.", "--temperature", "0", "--max-tokens", "150")
SHORT = ("Say hello.", "--temperature", "0", "--max-tokens", "20")
TERMINAL_SECONDS = 60
CLOSING_LINE = (
    r"vllm/\S+ · \d+ in( \(\d+ cached\))? · 20 out · \d+\.\d % of 4,096 · first token \d+\.\d\d s · \d+ tok/s"
)


def test_text_is_shown_while_the_server_still_works_on_it(vllm_user: Program, vllm: VllmServer) -> None:
    running = vllm_user.start(*LONG)
    running.wait_for_text(1)
    assert vllm.metrics()["vllm:num_requests_running"] == 1
    done = running.finish()
    first, last = running.shown[0].at - running.started, running.shown[-1].at - running.started
    assert done.code == 0
    assert first < last / 2, "the first text comes long before the last"
    assert len(running.shown) > 20, "and then piece by piece"
    (session,) = vllm_user.sessions()
    assert text_of(vllm_user.export(session["id"])["messageTree"][-1]) + "\n" == done.out


def test_without_streaming_the_answer_comes_in_one_piece(vllm_user: Program) -> None:
    running = vllm_user.start("ask", "--no-stream", *SHORT)
    done = running.finish()
    assert (done.code, len(running.shown)) == (0, 1)
    assert done.err == "the answer was cut at the limit of 20 tokens (finish: length)\n"
    assert done.out == vllm_user.run("ask", *SHORT).out


def test_json_holds_what_is_documented(vllm_user: Program, vllm: VllmServer) -> None:
    before = vllm.token_totals()
    report = vllm_user.ask(*SHORT)
    after = vllm.token_totals()
    plain = vllm_user.run("ask", *SHORT)
    assert list(report) == ["text", "thinking", "model", "usage", "context", "session", "finish", "timings"]
    assert (report["text"] + "\n", report["thinking"], report["model"]) == (plain.out, "", f"vllm/{MODEL_ID}")
    spent = {"input": after.prompt - before.prompt, "output": after.generation - before.generation}
    usage = report["usage"]
    assert {name: usage[name] for name in spent} == spent
    assert usage["kinds"] == {"input": "exact", "output": "exact", "cached": "exact", "reasoning": "unknown"}
    assert usage["reasoning"] is None
    assert 0 <= usage["cached"] <= usage["input"]
    assert report["context"] == {"used": spent["input"] + spent["output"], "window": 4096}
    assert report["finish"] == "length"
    assert report["session"] in [session["id"] for session in vllm_user.sessions()]
    timings = report["timings"]
    assert list(timings) == ["firstToken", "total", "tokensPerSecond"]
    assert 0 < timings["firstToken"] < timings["total"]
    assert timings["tokensPerSecond"] > 1


def test_a_question_is_made_of_words_and_piped_text(vllm_user: Program) -> None:
    report = vllm_user.ask("--max-tokens", "2", "Name", "the", "colour", stdin="red and blue\n")
    asked, _ = vllm_user.export(report["session"])["messageTree"]
    assert text_of(asked) == "Name the colour\n\nred and blue"


def test_nothing_is_kept_where_that_is_asked_for(vllm_user: Program, vllm: VllmServer) -> None:
    report = vllm_user.ask("--no-save", *SHORT)
    assert (report["session"], report["finish"]) == (None, "length")
    left = [path for folder in (vllm_user.state, vllm_user.home) for path in folder.rglob("*")]
    assert left == []
    vllm_user.use_server(vllm.base_url, API_KEY, params={"max_tokens": 8})
    chat = vllm_user.run("chat", "--no-save", stdin="Say hello.\n/status\n")
    assert (chat.code, "session   " in chat.out) == (0, True)
    assert [path for folder in (vllm_user.state, vllm_user.home) for path in folder.rglob("*") if path.is_file()] == []


def test_on_a_terminal_the_answer_ends_with_one_line_of_facts(vllm_user: Program) -> None:
    environment = {**vllm_user.env, "TERM": "xterm", "NO_COLOR": "1"}
    arguments = ["-m", "fluffbuzz", "ask", *SHORT]
    screen = io.StringIO()
    terminal = pexpect.spawn(
        sys.executable, arguments, env=environment, encoding="utf-8", timeout=TERMINAL_SECONDS, dimensions=(24, 200)
    )
    terminal.logfile_read = screen
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert "Hello" in screen.getvalue()
    assert re.search(CLOSING_LINE, screen.getvalue()), screen.getvalue()
