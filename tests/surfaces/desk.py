"""A user's desk: a home of its own, an environment, and the three ways to run FluffBuzz there.

In this process for speed, as a process of its own where signals, pipes and exits matter, on a terminal where looks do.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.surfaces.terminal import Terminal

from fluffbuzz.surfaces.cli.program import run
from fluffbuzz.testing import FakeServer

PATIENCE = 30.0
"""Seconds in which a process must have ended; a busy machine may need a few."""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class Desk:
    """One user's home and environment.

    Attributes:
        env: the environment that every run gets; tests add to it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / ".fluffbuzz"
        self.env = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
        }

    @property
    def config(self) -> Path:
        return self.state / "fluffbuzz.json"

    @property
    def database(self) -> Path:
        return self.state / "fluffbuzz.db"

    def configure(self, settings: Mapping[str, Any] | str) -> None:
        """Write the configuration file."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        text = settings if isinstance(settings, str) else json.dumps(settings)
        self.config.write_text(text, "utf-8")

    def use(self, server: FakeServer, provider: str = "vllm", **more: Any) -> None:
        """Opt in to a server: its address in the file, its key in the environment; `more` joins the file."""
        self.env["VLLM_API_KEY"] = "a-key-of-the-desk"
        self.configure(settings_for({provider: server.base_url}, **more))

    def run(self, *arguments: str, stdin: bytes | str = b"") -> Result:
        """Run a command in this process."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = _Captured(), _Captured()
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, self.env, clear=True))
            stack.enter_context(mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8")))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            code = run(arguments)
        return Result(code, out.text, err.text)

    def ask(self, *arguments: str, stdin: bytes | str = b"") -> Result:
        """`fluffbuzz ask …` in this process."""
        return self.run("ask", *arguments, stdin=stdin)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start `python -m fluffbuzz …` as a process whose three streams are pipes."""
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command(*arguments), env=self.env, cwd=self.home, **{**pipes, **options})

    def process(self, *arguments: str, stdin: bytes = b"") -> Result:
        """Run `python -m fluffbuzz …` as a process to its end."""
        with self.start(*arguments) as process:
            out, err = process.communicate(stdin, PATIENCE)
        return Result(process.returncode, out.decode(), err.decode())

    def python(self, script: str, *arguments: str) -> Result:
        """Run a script of a few lines in a Python of its own."""
        words = [sys.executable, "-c", script, *arguments]
        told = subprocess.run(words, check=False, env=self.env, cwd=self.home, capture_output=True, timeout=PATIENCE)
        return Result(told.returncode, told.stdout.decode(), told.stderr.decode())

    def terminal(self, *arguments: str, rows: int = 24, columns: int = 80) -> Terminal:
        """Start `python -m fluffbuzz …` on a terminal."""
        return Terminal(command(*arguments), self.env | {"TERM": self.env.get("TERM", "xterm")}, rows, columns)


def command(*arguments: str) -> list[str]:
    """The words that start FluffBuzz in a process of its own."""
    return [sys.executable, "-m", "fluffbuzz", *arguments]


def settings_for(urls: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """A configuration in which each provider's server is asked for its models."""
    return {
        "models": {"providers": {provider: {"baseUrl": url} for provider, url in urls.items()}},
        "agents": {"defaults": {"models": {f"{provider}/*": {} for provider in urls}}},
        **more,
    }


def without_blank_lines(text: str) -> list[str]:
    """The lines that say something."""
    return [line for line in text.splitlines() if line.strip()]


def chats(server: FakeServer) -> list[Any]:
    """The bodies of the chat requests that a server got."""
    return [request.json for request in list(server.requests) if request.method == "POST"]


def sent_texts(body: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Role and text of every message of a request."""
    return [(message["role"], message["content"]) for message in body["messages"]]


class _Captured(io.TextIOWrapper):
    """A stream that keeps what is written, even after it was closed."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, "utf-8", newline="", write_through=True)

    @property
    def text(self) -> str:
        return self._bytes.getvalue().decode()
