"""`make bench`: measures, prints ratios, and writes docs/benchmarks.md with machine and date."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.live.servers import API_KEY, MODEL_ID, VllmServer, live_paths  # noqa: E402 -- as above

from benchmarks import decoding, long_session  # noqa: E402 -- the checkout has to be on the path first
from benchmarks.timing import Sample, in_turn, process  # noqa: E402 -- as above

QUESTION = "What is the capital of France?"
LIMIT = 8
LLM = "llm==0.36"
RUNS = 15
DEFAULT_PORT = 8000

BIN = Path(sys.executable).parent
FLUFFBUZZ = str(BIN / "fluffbuzz")


def main() -> None:
    """Measure everything and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        lines = list(_measure(Path(folder)))
    page = "\n".join([*_head(), *lines, ""])
    (ROOT / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")
    print(page)


def _head() -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench`; every ratio compares figures of one run, the commands taking turns."
    yield ""
    yield (
        f"{date.today():%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory} GiB, "  # noqa: DTZ011 -- a date for people
        f"Python {platform.python_version()}, a real vLLM on the same machine's processor. Medians of {RUNS} runs."
    )
    yield ""


def _measure(folder: Path) -> Iterator[str]:
    yield "| what | figure | to reach |"
    yield "|---|---|---|"
    yield from _start()
    yield from _decoding()
    with VllmServer(port=DEFAULT_PORT) as server:
        env = _environment(folder)
        yield from _ask(env, server.base_url, folder)
        yield from _long(env, folder)


def _environment(folder: Path) -> dict[str, str]:
    """A user who has opted in to the vLLM at its default address and configured nothing."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
    return {**kept, "HOME": str(folder), "VLLM_API_KEY": API_KEY}


def _start() -> Iterator[str]:
    env = {"PATH": os.environ["PATH"]}
    bare, version = [sys.executable, "-c", "pass"], [FLUFFBUZZ, "--version"]
    times = in_turn({"bare": process(bare, env), "version": process(version, env)}, RUNS)
    ratio = times["version"].median / times["bare"].median
    yield f"| `fluffbuzz --version` over bare Python | **{ratio:.2f} ×** ({times['version']} / {times['bare']}) | ≤ 2 × |"


def _decoding() -> Iterator[str]:
    ours, floor, payloads = decoding.compare()
    yield (
        f"| recorded streams, bytes to events, over `json.loads` of their payloads alone | **{floor / ours:.2f} ×** as fast "
        f"({payloads / ours:,.0f} / {payloads / floor:,.0f} payloads a second) | ≥ 1 × |"
    )


def _ask(env: Mapping[str, str], base_url: str, folder: Path) -> Iterator[str]:
    ours = [FLUFFBUZZ, "ask", "--temperature", "0", "--max-tokens", str(LIMIT), QUESTION]
    peer_env = {**env, "LLM_USER_PATH": str(folder / "llm"), "OPENAI_API_KEY": API_KEY}
    actions = {
        "curl": process(_curl(base_url), env),
        "fluffbuzz": process(ours, env),
        "llm": process(_llm(base_url, folder / "llm"), peer_env),
    }
    times = in_turn(actions, RUNS)
    overhead, peer = (times[name].median - times["curl"].median for name in ("fluffbuzz", "llm"))
    for name, sample in times.items():
        yield f"| whole process, one answer of {LIMIT} tokens: `{name}` | {sample} | |"
    yield f"| overhead over `curl`: ours over `llm`'s | **{overhead / peer:.2f}** ({overhead:.3f} s / {peer:.3f} s) | ≤ 0.25 |"


def _curl(base_url: str) -> list[str]:
    body = {
        "model": MODEL_ID,
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "temperature": 0,
        "max_tokens": LIMIT,
    }
    headers = ["-H", "content-type: application/json", "-H", f"authorization: Bearer {API_KEY}"]
    return ["curl", "-sS", "--fail", "--noproxy", "*", *headers, "-d", json.dumps(body), f"{base_url}/chat/completions"]


def _llm(base_url: str, home: Path) -> list[str]:
    """The peer, in an environment of its own beside the live servers; returns the command to time."""
    venv = live_paths().cache / "llm-0.36"
    if not (venv / "bin" / "llm").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", LLM], check=True)
    home.mkdir(exist_ok=True)
    models = f'- model_id: peer\n  model_name: {MODEL_ID}\n  api_base: "{base_url}"\n'
    (home / "extra-openai-models.yaml").write_text(models, encoding="utf-8")
    options = ["-o", "temperature", "0", "-o", "max_tokens", str(LIMIT)]
    return [str(venv / "bin" / "llm"), "-m", "peer", *options, QUESTION]


def _long(env: Mapping[str, str], folder: Path) -> Iterator[str]:
    short, long = (long_session.make(folder / ".fluffbuzz", count) for count in (10, 10_000))
    times: dict[str, Sample] = in_turn(
        {
            "short": lambda: long_session.until_prompt(FLUFFBUZZ, env, short),
            "long": lambda: long_session.until_prompt(FLUFFBUZZ, env, long),
        },
        RUNS,
    )
    ratio = times["long"].median / times["short"].median
    yield (
        f"| chat to its prompt: 10,000 messages over 10 | **{ratio:.2f} ×** ({times['long']} / {times['short']}) | ≤ 1.2 × |"
    )


if __name__ == "__main__":
    main()
