"""Thinking is kept apart from the answer, and an answer that is thinking alone is told as such."""

from __future__ import annotations

from typing import Any

from tests.live.program import Program
from tests.live.servers import API_KEY, VllmServer

QUESTION = ("Say hello.", "--temperature", "0")
ENDS_ITS_THINKING: dict[str, Any] = {"extra_body": {"logit_bias": {"8": 14}}}  # token 8 is the closing mark


def test_an_answer_of_thinking_alone_says_so(program: Program, thinking_vllm: VllmServer) -> None:
    program.use_server(thinking_vllm.base_url, API_KEY)
    told = program.run("ask", *QUESTION, "--max-tokens", "20")
    assert (told.code, told.out) == (1, "")
    assert "The model only thought and gave no answer (20 tokens, it ended with “length”)." in told.err
    assert "larger --max-tokens" in told.err
    report = program.run("ask", "--json", *QUESTION, "--max-tokens", "20")
    assert report.code == 1
    whole = report.json()
    assert (whole["text"], bool(whole["thinking"]), whole["finish"]) == ("", True, "length")
    assert whole["error"]["message"].startswith("The model only thought")
    assert whole["usage"]["output"] == 20
    assert whole["usage"]["kinds"]["reasoning"] in ("exact", "unknown")
    assert whole["usage"]["reasoning"] != 0, "a 0 would be a lie for an answer that is all thinking"


def test_thinking_is_separated_from_the_answer(program: Program, thinking_vllm: VllmServer) -> None:
    program.use_server(thinking_vllm.base_url, API_KEY, params=ENDS_ITS_THINKING)
    report = program.ask(*QUESTION, "--max-tokens", "60")
    assert report["thinking"]
    assert "</think>" not in report["thinking"]
    assert report["text"].strip()  # the bias makes the tiny model repeat its mark there
    parts = program.export(report["session"])["messageTree"][-1]["parts"]
    assert [part["type"] for part in parts] == ["thinking", "text"]
    plain = program.run("ask", *QUESTION, "--max-tokens", "60")
    assert (plain.code, plain.out) == (0, report["text"].rstrip("\n") + "\n")


def test_earlier_thinking_is_not_sent_again(program: Program, thinking_vllm: VllmServer) -> None:
    program.use_server(thinking_vllm.base_url, API_KEY, params=ENDS_ITS_THINKING)
    first = program.ask(*QUESTION, "--max-tokens", "60")
    again = program.ask("Thank you.", "--continue", "--max-tokens", "4")
    sent_back = again["usage"]["input"] - first["usage"]["input"]
    assert sent_back < first["usage"]["output"] + 40, "the answer without its thinking, and one short message"
