"""The real service process around a scripted engine: what it does is said by files in its data directory.

    crash     it dies while starting, with the file's text as its last words
    slow      it is not ready before this file is gone
    sick      it does not say that it is well
    busy      it is answering a request
    stubborn  it does not end when it is asked to

It writes a line to `starts` each time it starts and one to `looks` each time it is asked how busy it is.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fluffbuzz.adapters.embedded.idle import Activity
from fluffbuzz.adapters.embedded.service import main, read_order
from fluffbuzz.adapters.embedded.weights import Weights
from fluffbuzz.core.credential import Secret

HERE = read_order(sys.argv[1:]).layout.root


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if (HERE / "sick").exists() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def note(name: str) -> None:
    with (HERE / name).open("a", encoding="ascii") as file:
        file.write(".\n")


class ScriptedEngine:
    window = 4096

    def __init__(self, weights: Weights, api_key: Secret) -> None:
        assert weights.path.is_file()
        assert api_key
        note("starts")
        if (HERE / "crash").exists():
            raise RuntimeError((HERE / "crash").read_text("utf-8"))
        while (HERE / "slow").exists():
            time.sleep(0.01)
        if (HERE / "stubborn").exists():
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{server.server_port}"

    def activity(self) -> Activity:
        note("looks")
        return Activity((HERE / "busy").exists(), ())


if __name__ == "__main__":
    main(sys.argv[1:], ScriptedEngine)
