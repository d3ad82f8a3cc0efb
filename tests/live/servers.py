"""Real vLLM servers for the live tests: started on a free loopback port, watched, killed on purpose, always stopped.

`scripts/live_servers.py setup` (part of `make test-live`) installs what is started here. The rule kept: every wait
has a bound with a name and fails with the end of the server's log, and nothing of a server, neither a process nor a
file in the system's temporary folders, outlives its `with` block.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "live_servers.py"
MODEL_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
API_KEY = "live-test-key"  # of the servers that all tests share
START_SECONDS = 240.0
STOP_SECONDS = 20.0  # for an orderly end, before everything is killed
DEATH_SECONDS = 20.0  # from a kill until the last process is gone
SETTLE_SECONDS = 60.0
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.25
LOG_TAIL_LINES = 40
OURS = {
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH": "1",  # else the server ends itself within 5 s, and what is tested is chance
}
FOREIGN = ("VLLM_", "PYTHON", "VIRTUAL_ENV", "COV_")  # what the tests' own Python is told must not leak in


class NotSetUp(Exception):
    """The real servers are not installed; the message names the command that does it."""


class ServerTrouble(Exception):
    """A server did not do in time what was waited for; the message ends with the tail of its log."""


class LivePaths(NamedTuple):
    """What `scripts/live_servers.py setup` made: the cache folder, vLLM's Python, a GGUF file, two model folders."""

    cache: Path
    python: Path
    gguf: Path
    model: Path
    thinking_model: Path


class TokenTotals(NamedTuple):
    """vLLM's own count of tokens since it started, cached prompt tokens included."""

    prompt: int
    generation: int


class Answer(NamedTuple):
    status: int
    body: bytes


@cache
def live_paths() -> LivePaths:
    """Where the real servers are installed; raises `NotSetUp`."""
    asked = subprocess.run([sys.executable, str(SCRIPT), "paths"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise NotSetUp(f"The live tests need real servers. Run: make test-live\n{asked.stderr.strip()}")
    paths = json.loads(asked.stdout)
    return LivePaths(*(Path(paths[name]) for name in LivePaths._fields))


def fetch(url: str, api_key: str | None = None) -> Answer:
    """GET `url` past any proxy, whatever the status; a refused connection raises `urllib.error.URLError`."""
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=ANSWER_SECONDS) as response:
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, refused.read())


def parse_metrics(text: str) -> dict[str, float]:
    """Prometheus text to the sum over all labels of each metric name."""
    sums: dict[str, float] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            name = series.partition("{")[0]
            sums[name] = sums.get(name, 0.0) + float(value)
    return sums


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(kw_only=True)
class VllmServer:
    """One vLLM API server and its engine, running while its `with` block does; the fields say how it is started."""

    model: Path | None = None  # None: the plain model
    served_names: tuple[str, ...] = (MODEL_ID,)
    api_key: str | None = None
    dtype: str = "auto"  # "float32" where answers of several servers are compared
    max_model_len: int = 4096
    extra: tuple[str, ...] = ()
    log_folder: Path | None = None  # None: the system's temporary folder
    port: int = field(default_factory=free_port)
    log_path: Path = field(init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _scratch: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.root_url}/v1"

    @property
    def pid(self) -> int:
        """The API server's process id, which is its process group's id too."""
        if self._process is None:
            raise ServerTrouble("This vLLM was never started.")
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until `/health` answers 200; raises `NotSetUp` or `ServerTrouble`."""
        command = self._command()
        handle, log = tempfile.mkstemp(prefix="vllm-", suffix=".log", dir=self.log_folder)
        self.log_path = Path(log)
        self._scratch = tempfile.TemporaryDirectory(prefix="vllm-")
        try:
            self._process = subprocess.Popen(
                command,
                env=self._environment(self._scratch.name),
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._wait("become healthy", START_SECONDS, self._is_ready)
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(handle)
        return self

    def stop(self) -> None:
        """End the server, its engine and all their children; harmless when they are gone already."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(ServerTrouble):  # killed below
                self._wait("stop", STOP_SECONDS, self._is_gone)
        self.kill()
        if self._scratch is not None:
            self._scratch.cleanup()

    def kill(self) -> None:
        """Kill every process at once: open streams are cut, the port refuses connections.

        Only Python's resource tracker is spared: it ends by itself, after removing what the dead left in shared memory.
        """
        for pid in self._living_pids():
            if "resource_tracker" not in _read_title(pid):
                _kill_process(pid)
        self._wait("die", DEATH_SECONDS, self._is_gone)

    def kill_engine(self) -> None:
        """Kill the engine and leave the API server alive: `/health` turns 503 a moment later."""
        doomed = self.engine_core_pids()
        if not doomed:
            raise ServerTrouble(self._describe("has no EngineCore process to kill"))
        for pid in doomed:
            _kill_process(pid)
        self._wait("lose its engine", DEATH_SECONDS, lambda: not self.engine_core_pids())

    def engine_core_pids(self) -> list[int]:
        return [pid for pid in self._living_pids() if "EngineCore" in _read_title(pid)]

    def is_healthy(self) -> bool:
        """Whether `/health` answers 200."""
        try:
            return fetch(f"{self.root_url}/health").status == 200
        except OSError:
            return False

    def metrics(self) -> dict[str, float]:
        """Every metric's sum over its labels, by name (`vllm:prompt_tokens_total`, …)."""
        return parse_metrics(fetch(f"{self.root_url}/metrics").body.decode())

    def token_totals(self, stable: bool = True) -> TokenTotals:
        """The server's token counts; `stable` waits until no request is underway and two readings agree."""
        readings: list[TokenTotals] = []

        def is_settled() -> bool:
            now = self.metrics()
            underway = now["vllm:num_requests_running"] + now["vllm:num_requests_waiting"]
            totals = TokenTotals(int(now["vllm:prompt_tokens_total"]), int(now["vllm:generation_tokens_total"]))
            if underway:
                readings.clear()
            readings.append(totals)
            return not stable or (not underway and readings[-2:] == [totals, totals])

        self._wait("settle its token counts", SETTLE_SECONDS, is_settled)
        return readings[-1]

    def _command(self) -> list[str]:
        paths = live_paths()
        options = {
            "--model": str(self.model or paths.model),
            "--host": "127.0.0.1",
            "--port": str(self.port),
            "--dtype": self.dtype,
            "--max-model-len": str(self.max_model_len),
        }
        pairs = [part for pair in options.items() for part in pair]
        start = [str(paths.python), "-m", "vllm.entrypoints.openai.api_server", *pairs]
        return [*start, "--served-model-name", *self.served_names, "--enforce-eager", *self.extra]

    def _environment(self, scratch: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        folders = {"TMPDIR": scratch, "VLLM_CACHE_ROOT": str(live_paths().cache / "vllm-cache")}
        key = {} if self.api_key is None else {"VLLM_API_KEY": self.api_key}  # as an argument `ps` would show it
        return {**kept, **OURS, **folders, **key}

    def _living_pids(self) -> list[int]:
        """The running processes of the server's group, the API server first; zombies do not count."""
        if self._process is None:
            return []
        running = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
        return sorted(pid for pid in running if _read_group(pid) == self._process.pid)

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise ServerTrouble(self._describe(f"ended with status {self._process.returncode} while it started"))
        return self.is_healthy()

    def _is_gone(self) -> bool:
        return not self._living_pids() and (self._process is None or self._process.poll() is not None)

    def _wait(self, goal: str, seconds: float, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > deadline:
                raise ServerTrouble(self._describe(f"did not {goal} within {seconds:.0f} s"))
            time.sleep(POLL_SECONDS)

    def _describe(self, what: str) -> str:
        tail = self.log_path.read_text("utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join((f"vLLM at {self.root_url} {what}. The end of {self.log_path}:", *tail))


StartMortal = Callable[..., VllmServer]  # what the fixture `mortal_vllm` is


def _read_group(pid: int) -> int | None:
    """The process group of `pid`, or None when it is dead or a zombie."""
    try:
        state, _, group = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(group)


def _read_title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _kill_process(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself meanwhile
        os.kill(pid, signal.SIGKILL)
