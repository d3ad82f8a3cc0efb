"""What a real server refuses: too long a prompt, an image for a text model, an option; told, learnt, and forgotten."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import pytest
from tests.live.program import Program
from tests.live.proxy import RecordingProxy, refuse_stream_options
from tests.live.servers import API_KEY, MODEL_ID, VllmServer

SHORT = ("--temperature", "0", "--max-tokens", "8")


def write_image(path: Path) -> None:
    """One white pixel as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff")), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize("words", [5_000, 500_000], ids=["counted in tokens", "counted in characters"])
def test_too_long_a_prompt_is_told_with_the_numbers(vllm_user: Program, vllm: VllmServer, words: int) -> None:
    told = vllm_user.run("ask", stdin="apple " * words)
    assert (told.code, told.out) == (1, "")
    assert "too long" in told.err
    assert MODEL_ID in told.err
    assert f"its window is 4,096 tokens (vLLM at {vllm.base_url})" in told.err
    assert "--max-model-len" in told.err, "the next step"
    counted = re.search(r"has at least ([\d,]+) tokens|contains (\d{7}) characters", told.err)
    assert counted, told.err


def test_an_image_for_a_text_model_is_refused_by_the_server_once_and_then_by_us(
    program: Program, vllm: VllmServer, tmp_path: Path
) -> None:
    image = tmp_path / "white.png"
    write_image(image)
    asked = ("ask", "What is on it?", "--image", str(image), *SHORT)
    with RecordingProxy(vllm.port) as proxy:
        program.use_server(proxy.base_url, API_KEY)
        told = program.run(*asked)
        assert (told.code, told.out, len(proxy.asked("POST"))) == (1, "", 1)
        assert f"cannot show images to {MODEL_ID}" in told.err
        assert "reads text only" in told.err
        kept = program.sessions()
        told = program.run(*asked)
        assert (told.code, told.out, len(proxy.asked("POST"))) == (2, "", 1)
        assert f"vllm/{MODEL_ID} reads text only, so the image was not sent." in told.err
        assert "models list --refresh" in told.err
        assert program.sessions() == kept, "nothing was asked, so there is no new conversation"
        assert program.ask("Say hello.", *SHORT)["finish"] == "length"
        assert program.run("models", "list", "--json").json()["models"][0]["input"] == "text"
        program.run("models", "list", "--refresh")
        assert program.run("models", "list", "--json").json()["models"][0]["input"] is None
        posts = len(proxy.asked("POST"))
        assert program.run(*asked).code == 1
        assert len(proxy.asked("POST")) == posts + 1


def test_refused_stream_options_are_left_out_remembered_shown_and_tried_anew_on_refresh(
    program: Program, vllm: VllmServer
) -> None:
    with RecordingProxy(vllm.port, refuse_stream_options) as proxy:

        def has_field() -> list[bool]:
            """Of each question since the last look: whether it had the field."""
            asked = ["stream_options" in sent.json for sent in proxy.asked("POST")]
            proxy.requests.clear()
            return asked

        program.use_server(proxy.base_url, API_KEY)
        report = program.ask("Say hello.", *SHORT)
        assert has_field() == [True, False]
        assert (report["finish"], bool(report["text"])) == ("length", True)
        usage = report["usage"]
        assert (usage["input"], usage["output"]) == (None, None), "nobody counted, and that is not 0"
        assert (usage["kinds"]["input"], usage["kinds"]["output"]) == ("unknown", "unknown")
        refused, answered = program.export(report["session"])["turns"][0]["calls"]
        assert (refused["outcome"], answered["kind"], answered["outcome"]) == ("failed", "retry", "answered")
        assert program.status()["refused"] == ["stream_options"]
        assert "refused   stream_options (seen " in program.run("status").out
        program.ask("Say hello.", *SHORT)
        assert has_field() == [False]
        program.run("models", "list", "--refresh")
        assert program.status()["refused"] == []
        program.ask("Say hello.", *SHORT)
        assert has_field() == [True, False]
