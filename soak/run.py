"""`make soak`: runs the long trials against a real vLLM and writes docs/soak.md; a broken promise ends it with status 1."""

from __future__ import annotations

import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.live.program import Program, text_of  # noqa: E402 -- the checkout has to be on the path first
from tests.live.servers import API_KEY, VllmServer  # noqa: E402 -- as above

TURNS = 100
CANCELS = 20
KILLS = 12
PARALLEL = 6
LOSS = 1.3  # seconds of an answer that a kill may lose: the promised one, and the time of the saving itself

PROMPTS = (
    "Name a river.",
    "日本の首都はどこですか。",
    "Что такое токен?",
    "Write `def add(a, b)` in Python.",
    "🙂🙃 Which of these is upside down?",
    "Wie heißt die Hauptstadt von Österreich?",
    "لماذا السماء زرقاء؟",
    "Count: 1, 2, 3,",
)


def main() -> int:
    """Run every trial and write the page."""
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # in the background; the programs must hear Ctrl-C all the same
        signal.signal(signal.SIGINT, signal.default_int_handler)
    chance = random.Random(20260101)
    with tempfile.TemporaryDirectory() as folder, VllmServer(api_key=API_KEY) as server:
        trials: dict[str, Callable[[Program, VllmServer, random.Random], Iterator[str]]] = {
            f"{TURNS} turns": turns,
            f"{CANCELS} cancelled answers": cancels,
            f"{KILLS} kills with -9": kills,
            f"{PARALLEL} at once": parallel,
        }
        rows = []
        for number, (name, trial) in enumerate(trials.items()):
            place = Path(folder) / str(number)
            place.mkdir()
            program = Program(place)
            program.use_server(server.base_url, API_KEY)
            began = time.monotonic()
            for finding in trial(program, server, chance):
                rows.append(f"| {name} | {finding} | {time.monotonic() - began:.0f} s |")
                print(rows[-1], flush=True)
            program.end()
    (ROOT / "docs" / "soak.md").write_text("\n".join([*_head(), *rows, ""]), encoding="utf-8")
    return 1 if any("BROKEN" in row for row in rows) else 0


def _head() -> Iterator[str]:
    yield "# Soak"
    yield ""
    yield f"Written by `make soak` on {date.today():%Y-%m-%d}, {platform.system()} {platform.machine()}, "  # noqa: DTZ011 -- a date for people
    yield f"{os.cpu_count()} cores, against a real vLLM. What is promised and does not hold says BROKEN."
    yield ""
    yield "| trial | finding | after |"
    yield "|---|---|---|"


def _verdict(holds: bool, finding: str) -> str:  # noqa: FBT001 -- a verdict on one fact
    return finding if holds else f"BROKEN: {finding}"


def turns(program: Program, server: VllmServer, chance: random.Random) -> Iterator[str]:
    """Sums over many finished turns, some of them in long conversations, equal the server's own counters."""
    before = server.token_totals()
    asked = generated = 0
    for number in range(TURNS):
        more = ["--continue"] if number % 5 else []
        limit = str(chance.randint(1, 24))  # one token of an emoji is no text: such an answer is empty, and counted
        report = program.run("ask", "--json", chance.choice(PROMPTS), "--max-tokens", limit, *more).json()
        asked += report["usage"]["input"]
        generated += report["usage"]["output"]
    after = server.token_totals()
    server_asked, server_generated = after.prompt - before.prompt, after.generation - before.generation
    equal = (asked, generated) == (server_asked, server_generated)
    yield _verdict(
        equal, f"{asked:,} in, {generated:,} out; the server counted {server_asked:,} and {server_generated:,}"
    )


def cancels(program: Program, server: VllmServer, chance: random.Random) -> Iterator[str]:
    """A cancelled answer counts at most what the server counted, keeps its part, and frees the server."""
    before = server.token_totals()
    kept = 0
    for _ in range(CANCELS):
        running = program.start("ask", "Tell me a very long story about a dragon.")
        running.wait_for_text(chance.randint(1, 400))
        running.signal(signal.SIGINT)
        assert running.finish().code == 130
        kept += 1
    after = server.token_totals()
    exports = [program.export(session["id"]) for session in program.sessions()]
    calls = [call for export in exports for turn in export["turns"] for call in turn["calls"]]
    counted = sum(call["usage"]["output"] for call in calls)
    generated = after.generation - before.generation
    marked = sum(export["messageTree"][-1]["state"] == "cancelled" for export in exports)
    yield _verdict(marked == kept == len(exports), f"{marked} of {kept} parts kept and marked cancelled")
    yield _verdict(0 < counted <= generated, f"{counted:,} tokens counted, the server generated {generated:,}")


def kills(program: Program, server: VllmServer, chance: random.Random) -> Iterator[str]:
    """A killed FluffBuzz leaves a readable store in which at most the last second of the answer is missing."""
    del server
    worst, marked = 0.0, 0
    for _ in range(KILLS):
        running = program.start("ask", "Tell me a very long story about a dragon.")
        running.wait_for_text(1)
        running.wait_for_seconds_of_output(chance.uniform(0.1, 4.0))
        running.signal(signal.SIGKILL)
        running.finish()
        killed = running.shown[-1].at
        answer = program.export(program.sessions()[0]["id"])["messageTree"][-1]
        stored = text_of(answer).encode() if answer["role"] == "assistant" else b""
        marked += answer["state"] == "cut"
        length, lost_since = 0, killed
        for piece in running.shown:
            length += len(piece.data)
            if length > len(stored):
                lost_since = piece.at
                break
        worst = max(worst, killed - lost_since)
    yield _verdict(marked == KILLS, f"{marked} of {KILLS} turns marked cut")
    yield _verdict(worst <= LOSS, f"at most {worst:.2f} s of an answer lost")


def parallel(program: Program, server: VllmServer, chance: random.Random) -> Iterator[str]:
    """Many processes write at once; nothing is lost and the sums still hold."""
    before = server.token_totals()
    rounds = 10
    for _ in range(rounds):
        running = [program.start("ask", chance.choice(PROMPTS), "--max-tokens", "12") for _ in range(PARALLEL)]
        assert all(each.finish().code == 0 for each in running)
    after = server.token_totals()
    exports = [program.export(session["id"]) for session in program.sessions()]
    calls = [call for export in exports for turn in export["turns"] for call in turn["calls"]]
    counted = sum(call["usage"]["input"] for call in calls), sum(call["usage"]["output"] for call in calls)
    truth = after.prompt - before.prompt, after.generation - before.generation
    yield _verdict(len(calls) == rounds * PARALLEL, f"{len(calls)} of {rounds * PARALLEL} calls kept")
    yield _verdict(
        counted == truth, f"{counted[0]:,} in, {counted[1]:,} out; the server counted {truth[0]:,} and {truth[1]:,}"
    )


if __name__ == "__main__":
    sys.exit(main())
