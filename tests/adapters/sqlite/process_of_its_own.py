"""What the tests let another real process do: `process_of_its_own.py VERB STATE_DIR [SESSION COUNT]`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from fluffbuzz.adapters.sqlite import SqliteSessionStore, open_database
from fluffbuzz.core.messages import assistant, user
from fluffbuzz.core.session import CallOutcome


def report(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def write(store: SqliteSessionStore, session: str, count: int) -> None:
    """So many turns in a session of its own and in a shared one."""
    own = (await store.create()).id
    report(own)
    for number in range(count):
        for place in (own, session):
            turn = await store.begin_turn(place, user(f"question {number} of {os.getpid()}"))
            await store.checkpoint(turn, assistant("ans"))
            await store.end_turn(turn, assistant(f"answer {number} of {os.getpid()}"), CallOutcome.ANSWERED)


async def hang(store: SqliteSessionStore) -> None:
    """A turn that is running until the process dies, or its input is closed."""
    session = await store.create()
    turn = await store.begin_turn(session.id, user("question"))
    await store.checkpoint(turn, assistant("half an ans"))
    report(f"{session.id} {turn.answer}")
    sys.stdin.read()


async def main() -> None:
    verb, state_dir, *more = sys.argv[1:]
    store = SqliteSessionStore(open_database(Path(state_dir), now=time.time, token=os.urandom))
    if verb == "write":
        await write(store, more[0], int(more[1]))
    elif verb == "hang":
        await hang(store)
    else:
        report((await store.create()).id)
    await store.close()


asyncio.run(main())
