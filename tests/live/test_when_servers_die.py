"""The server fails while it answers, or before: what arrived is kept and marked, and the cause is told."""

from __future__ import annotations

import urllib.error

import pytest
from tests.live.program import Program, Running, text_of
from tests.live.servers import MODEL_ID, StartMortal, VllmServer, fetch

LONG = ("ask", "Write a poem about the sea.", "--temperature", "0", "--max-tokens", "600")
ENOUGH = 150  # characters of an answer, before its server fails


def begun_answer(program: Program, server: VllmServer) -> Running:
    program.use_server(server.base_url)
    running = program.start(*LONG)
    running.wait_for_text(ENOUGH)
    return running


def assert_part_is_kept(program: Program, shown: str) -> None:
    (session,) = program.sessions()
    document = program.export(session["id"])
    answer, (turn,) = document["messageTree"][-1], document["turns"]
    assert (answer["role"], answer["state"], turn["outcome"]) == ("assistant", "cut", "cut")
    assert text_of(answer) == shown.removesuffix("\n")
    (call,) = turn["calls"]
    assert (call["finish"], call["outcome"]) == (None, "cut")
    assert call["usage"]["output"] > 10
    assert call["usage"]["kinds"]["output"] == "estimated"


def test_an_engine_that_dies_mid_answer_is_told_and_so_is_a_dead_one(
    program: Program, mortal_vllm: StartMortal
) -> None:
    server = mortal_vllm()
    running = begun_answer(program, server)
    server.kill_engine()
    done = running.finish()
    assert (done.code, len(done.out) >= ENOUGH) == (1, True)
    assert "The engine behind the server has died. Restart vLLM" in done.err
    assert "What arrived is kept" in done.err
    assert_part_is_kept(program, done.out)
    assert fetch(f"{server.root_url}/health").status == 503

    again = program.run("ask", "Say hello.")
    assert (again.code, again.out) == (1, "")
    assert "The engine behind the server has died. Restart vLLM" in again.err
    report = program.run("ask", "--json", "Say hello.")
    assert (report.code, report.json()["error"]["kind"], report.json()["finish"]) == (1, "server_error", None)
    listed = program.run("models", "list", "--refresh")
    assert (listed.code, MODEL_ID in listed.out) == (0, True), "the server in front of the engine still lists it"

    server.kill()
    with pytest.raises(urllib.error.URLError):
        fetch(f"{server.root_url}/health")
    for command in [("ask", "Say hello."), ("models", "list", "--refresh"), ("status",)]:
        told = program.run(*command)
        assert told.code == 1, command
        said = told.err + told.out
        assert f"vLLM at {server.base_url} refused the connection." in said, command
        assert "Is it running? Start it with: vllm serve MODEL." in said, command
    assert MODEL_ID in program.run("models", "list").out, "what it served is still known"


def test_a_server_that_dies_mid_answer_leaves_the_part_marked_as_cut(
    program: Program, mortal_vllm: StartMortal
) -> None:
    server = mortal_vllm()
    running = begun_answer(program, server)
    server.kill()
    done = running.finish()
    assert (done.code, len(done.out) >= ENOUGH) == (1, True)
    assert f"vLLM at {server.base_url} closed the connection" in done.err
    assert "What arrived is kept" in done.err
    assert_part_is_kept(program, done.out)
