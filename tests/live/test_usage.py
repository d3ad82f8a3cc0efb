"""Every token counted: what FluffBuzz says was used is what the server itself counted, over any number of turns."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.live.program import Program, text_of
from tests.live.servers import API_KEY, TokenTotals, VllmServer

GREEDY = ("--temperature", "0")
LONG = ("ask", "Write a poem about the sea.", *GREEDY, "--max-tokens", "400")
PARALLEL = 4


class Spent:
    """What a server counted within a `with` block."""

    tokens: TokenTotals


@contextmanager
def counted(server: VllmServer) -> Iterator[Spent]:
    spent = Spent()
    before = server.token_totals()
    yield spent
    after = server.token_totals()
    spent.tokens = TokenTotals(after.prompt - before.prompt, after.generation - before.generation)


def calls_of(program: Program) -> list[Any]:
    """Every call of every conversation that is kept."""
    documents = [program.export(session["id"]) for session in program.sessions()]
    return [call for document in documents for turn in document["turns"] for call in turn["calls"]]


def total(usages: list[Any]) -> TokenTotals:
    for usage in usages:
        assert (usage["kinds"]["input"], usage["kinds"]["output"]) == ("exact", "exact")
    return TokenTotals(sum(usage["input"] for usage in usages), sum(usage["output"] for usage in usages))


def test_sums_over_finished_turns_are_the_servers_own(program: Program, vllm: VllmServer) -> None:
    program.use_server(vllm.base_url, API_KEY, params={"max_tokens": 40})
    with counted(vllm) as spent:
        reports = [
            program.ask("What is the capital of France?", *GREEDY),
            program.ask("And of Japan?", "--continue", "--max-tokens", "12"),
            program.ask("Say hello.", "--system", "Be brief.", "--no-stream", "--max-tokens", "1"),
        ]
        chat = program.run("chat", stdin="What is gravity?\n/retry\nThank you.\n/status\n/exit\nnever sent\n")
    calls = calls_of(program)
    assert chat.code == 0
    assert (len(reports), len(calls)) == (3, 6)
    assert total([call["usage"] for call in calls]) == spent.tokens
    kept = sorted(call["usage"]["input"] for call in calls)
    assert all(report["usage"]["input"] in kept for report in reports)
    tokens = program.status()["tokens"]
    of_chat = total([call["usage"] for call in calls_of_session(program, program.sessions()[0]["id"])])
    assert TokenTotals(tokens["input"], tokens["output"]) == of_chat
    assert f"tokens    {of_chat.prompt:,} in" in chat.out


def calls_of_session(program: Program, session: str) -> list[Any]:
    return [call for turn in program.export(session)["turns"] for call in turn["calls"]]


def test_a_cancelled_answer_is_kept_counted_and_stopped_at_the_server(vllm_user: Program, vllm: VllmServer) -> None:
    with counted(vllm) as spent:
        running = vllm_user.start(*LONG)
        running.wait_for_text(100)
        running.signal(signal.SIGINT)
        done = running.finish()
        # `counted` goes on only when the server has nothing underway any more: the connection was closed.
    assert done.code == 130
    assert spent.tokens.generation < 400
    (session,) = vllm_user.sessions()
    document = vllm_user.export(session["id"])
    answer, (turn,) = document["messageTree"][-1], document["turns"]
    assert (answer["state"], turn["outcome"]) == ("cancelled", "cancelled")
    assert text_of(answer) == done.out.removesuffix("\n")
    (call,) = turn["calls"]
    assert call["usage"]["kinds"]["output"] == "estimated", "the server may have gone on for a moment"
    assert call["usage"]["input"] == spent.tokens.prompt
    assert 0 < call["usage"]["output"] <= spent.tokens.generation


def test_answers_asked_for_at_once_are_all_kept_and_counted(vllm_user: Program, vllm: VllmServer) -> None:
    with counted(vllm) as spent:
        asked = [
            vllm_user.start("ask", "--json", f"Tell me about the number {n}.", "--max-tokens", "30")
            for n in range(PARALLEL)
        ]
        done = [each.finish() for each in asked]
    assert [each.code for each in done] == [0] * PARALLEL
    reports = [each.json() for each in done]
    assert len(vllm_user.sessions()) == len({report["session"] for report in reports}) == PARALLEL
    assert total([report["usage"] for report in reports]) == spent.tokens
    assert total([call["usage"] for call in calls_of(vllm_user)]) == spent.tokens


def test_two_processes_may_write_to_one_conversation_at_once(vllm_user: Program, vllm: VllmServer) -> None:
    session = vllm_user.ask("Say hello.", "--max-tokens", "2")["session"]
    texts = ["Tell me about cats.", "Tell me about dogs."]
    with counted(vllm) as spent:
        asked = [vllm_user.start("ask", "--json", text, "--session", session, "--max-tokens", "40") for text in texts]
        done = [each.finish() for each in asked]
    assert [each.code for each in done] == [0, 0]
    document = vllm_user.export(session)
    tree = {message["id"]: message for message in document["messageTree"]}
    assert {message["state"] for message in tree.values()} == {"whole"}
    for text, each in zip(texts, done, strict=True):
        (question,) = [id_ for id_, message in tree.items() if text_of(message) == text]
        answers = [text_of(message) for message in tree.values() if message["parent"] == question]
        assert each.json()["text"] in answers
    _, *two = document["turns"]
    assert total([call["usage"] for turn in two for call in turn["calls"]]) == spent.tokens


def test_tokens_from_the_servers_prefix_cache_are_shown(vllm_user: Program) -> None:
    text = "\n".join(f"Line {n} tells of the {n}th apple that fell from the old tree." for n in range(40))
    unheard = f"In {vllm_user.state} an apple fell."  # no other run has the same folder
    first, again = (vllm_user.ask(unheard, "--max-tokens", "4", stdin=text) for _ in range(2))
    assert first["usage"]["kinds"]["cached"] == "exact"
    assert first["usage"]["cached"] < again["usage"]["cached"] < again["usage"]["input"] == first["usage"]["input"]
    assert f"({again['usage']['cached']:,} cached)" in vllm_user.run("status").out
