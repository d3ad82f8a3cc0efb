"""What is on the wire to a real server: exactly these headers, exactly these keys, on one connection if possible."""

from __future__ import annotations

from tests.live.program import Program
from tests.live.proxy import RecordingProxy
from tests.live.servers import API_KEY, MODEL_ID, VllmServer

FORBIDDEN = {
    "store": True,
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "reasoning_effort": "high",
    "verbosity": "low",
}


def header_names(head: list[tuple[str, str]]) -> list[str]:
    return sorted(name.lower() for name, _ in head)


def test_a_look_at_the_models_sends_nothing_but_the_key(program: Program, vllm: VllmServer) -> None:
    with RecordingProxy(vllm.port) as proxy:
        program.use_server(proxy.base_url, API_KEY)
        program.run("models", "list")
    (sent,) = proxy.requests
    assert (sent.method, sent.target, sent.body) == ("GET", "/v1/models", b"")
    assert header_names(sent.headers) == ["accept", "authorization", "host"]
    assert sent.header("authorization") == f"Bearer {API_KEY}"


def test_a_question_sends_the_dialect_and_what_the_user_set(program: Program, vllm: VllmServer) -> None:
    with RecordingProxy(vllm.port) as proxy:
        program.use_server(proxy.base_url, API_KEY)
        program.ask("Say hello.", "--no-stream", "--max-tokens", "4")
        program.use_server(proxy.base_url, API_KEY, params={"seed": 7, "extra_body": {"top_k": 5, **FORBIDDEN}})
        program.ask("Say it again.", "--continue", "--temperature", "0.5", "--max-tokens", "3")
    plain, set_by_user = proxy.asked("POST")
    for sent in (plain, set_by_user):
        names = ["accept", "authorization", "content-length", "content-type", "host"]
        assert (sent.target, header_names(sent.headers)) == ("/v1/chat/completions", names)
        assert sent.header("authorization") == f"Bearer {API_KEY}"
        assert sent.header("host") == f"127.0.0.1:{proxy.port}"
    assert plain.json == {
        "model": MODEL_ID,
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "max_tokens": 4,
    }
    body = set_by_user.json
    assert set(body) == {"model", "messages", "stream", "stream_options", "temperature", "max_tokens", "seed", "top_k"}
    assert (body["temperature"], body["max_tokens"], body["seed"], body["top_k"]) == (0.5, 3, 7, 5)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert all(set(message) == {"role", "content"} for message in body["messages"])


def test_without_a_limit_of_the_user_none_is_sent_and_a_chat_prefix_is_stable(
    program: Program, vllm: VllmServer
) -> None:
    with RecordingProxy(vllm.port) as proxy:
        program.use_server(proxy.base_url, API_KEY, params={"temperature": 0})
        chat = program.run("chat", "--system", "Answer in one word.", stdin="What is the capital of France?\nThanks\n")
    assert chat.code == 0
    first, second = (sent.json for sent in proxy.asked("POST"))
    assert set(first) == {"model", "messages", "stream", "stream_options", "temperature"}
    assert first["messages"][0] == {"role": "system", "content": "Answer in one word."}
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "user"]


def test_no_key_is_sent_where_there_is_none_and_proxy_variables_do_not_matter_on_loopback(
    program: Program, vllm: VllmServer
) -> None:
    with RecordingProxy(vllm.port) as proxy:
        program.use_server(proxy.base_url, None)
        program.env |= dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
        told = program.run("models", "list")
    assert "wants a key" in told.err
    assert [header_names(sent.headers) for sent in proxy.requests] == [["accept", "host"]]
