"""The real program as a user runs it: `python -m fluffbuzz …` in a process of its own, with a home of its own.

The rule kept: every wait has a bound with a name, and whatever a test is about, no output may hold a traceback, a
fault of FluffBuzz itself, or a key.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

RUN_SECONDS = 90.0  # for one whole command, answers of a slow machine included
OUTPUT_SECONDS = 45.0  # for the next thing that a test waits to see on standard output
NEVER_SHOWN = ("Traceback (most recent call last)", "FluffBuzz has a fault here")


class Finished(NamedTuple):
    """How a command ended and all that it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Shown(NamedTuple):
    """A piece of standard output, and when it came (`time.monotonic`)."""

    at: float
    data: bytes


class Running:
    """A command on its way: what it has shown so far, with the time of each piece."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, secrets: Sequence[str]) -> None:
        self._process = process
        self._secrets = secrets
        self._news = threading.Condition()
        self._errors = b""
        self.started = time.monotonic()
        self.shown: list[Shown] = []
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._read_out, self._read_err)]
        for thread in self._threads:
            thread.start()
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()

    @property
    def text(self) -> str:
        """What has been shown on standard output; a character that is not complete yet is left out."""
        return b"".join(piece.data for piece in self.shown).decode("utf-8", "ignore")

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, reached: Callable[[Running], bool], what: str = "show enough") -> None:
        """Wait until standard output is as wanted; fails when it cannot become so any more."""
        deadline = time.monotonic() + OUTPUT_SECONDS
        with self._news:
            while not reached(self):
                left = deadline - time.monotonic()
                if left <= 0 or not self._threads[0].is_alive():
                    raise AssertionError(f"it did not {what}; shown: {self.text!r}, told: {self._errors!r}")
                self._news.wait(min(left, 1.0))

    def wait_for_text(self, characters: int) -> None:
        self.wait_until(lambda running: len(running.text) >= characters, f"show {characters} characters")

    def wait_for_seconds_of_output(self, seconds: float) -> None:
        """Wait until output has been coming for so long: the first and the newest piece lie that far apart."""
        self.wait_until(
            lambda running: len(running.shown) > 1 and running.shown[-1].at - running.shown[0].at >= seconds,
            f"show something new after {seconds} s of output",
        )

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def finish(self, seconds: float = RUN_SECONDS) -> Finished:
        """Wait for its end; fails on output that no command may ever have."""
        code = self._process.wait(seconds)
        for thread in self._threads:
            thread.join(OUTPUT_SECONDS)
        done = Finished(code, b"".join(piece.data for piece in self.shown).decode(), self._errors.decode())
        for never in (*NEVER_SHOWN, *self._secrets):
            assert never not in done.out + done.err, done
        return done

    def end(self) -> None:
        """Make sure that it has ended."""
        self._process.kill()
        self._process.wait(RUN_SECONDS)
        for thread in self._threads:
            thread.join(OUTPUT_SECONDS)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _read_out(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 65536):
            with self._news:
                self.shown.append(Shown(time.monotonic(), data))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def _read_err(self) -> None:
        assert self._process.stderr is not None
        while data := os.read(self._process.stderr.fileno(), 65536):
            self._errors += data


class Program:
    """FluffBuzz installed for one imaginary user, whose home and state directory lie in `root`."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.state = root / "state"
        self.config_path = root / "fluffbuzz.json"
        self.home.mkdir()
        self._running: list[Running] = []
        self._secrets: list[str] = []
        self.env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "FLUFFBUZZ_STATE_DIR": str(self.state),
            "FLUFFBUZZ_CONFIG_PATH": str(self.config_path),
        }

    def use_key(self, key: str | None) -> None:
        """Set `VLLM_API_KEY`, which must never be seen in any output; None takes it away."""
        self.env.pop("VLLM_API_KEY", None)
        if key is not None:
            self.env["VLLM_API_KEY"] = key
            self._secrets.append(key)

    def configure(self, document: Mapping[str, Any]) -> None:
        """Write the configuration."""
        self.config_path.write_text(json.dumps(document), "utf-8")

    def use_server(self, base_url: str, key: str | None = None, params: Mapping[str, Any] | None = None) -> None:
        """Configure the vLLM at another place than the default one, its models still discovered."""
        self.use_key(key)
        self.configure(
            {
                "models": {"providers": {"vllm": {"baseUrl": base_url}}},
                "agents": {"defaults": {"models": {"vllm/*": {}}, "params": dict(params or {})}},
            }
        )

    def start(self, *arguments: str, stdin: str = "") -> Running:
        """Start a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "fluffbuzz", *arguments],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running = Running(process, stdin.encode(), tuple(self._secrets))
        self._running.append(running)
        return running

    def run(self, *arguments: str, stdin: str = "") -> Finished:
        """Run a command to its end."""
        return self.start(*arguments, stdin=stdin).finish()

    def ask(self, *arguments: str, stdin: str = "") -> Any:
        """The report of a successful `ask --json`."""
        done = self.run("ask", "--json", *arguments, stdin=stdin)
        assert done.code == 0, done
        return done.json()

    def sessions(self) -> list[dict[str, Any]]:
        """The conversations that are kept, used last first."""
        found: list[dict[str, Any]] = self.run("sessions", "list", "--all", "--json").json()
        return found

    def export(self, session: str) -> Any:
        """Everything that is stored of a conversation."""
        return self.run("sessions", "export", session, "--format", "json").json()

    def status(self) -> Any:
        """What `status --json` says, whether somebody can answer or not."""
        return self.run("status", "--json").json()

    def end(self) -> None:
        """Make sure that nothing of it runs any more."""
        for running in self._running:
            running.end()


def text_of(message: Mapping[str, Any]) -> str:
    """The plain text of an exported message."""
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")
