"""How long a chat takes to its prompt, on a conversation of ten messages and on one of ten thousand."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pexpect

from fluffbuzz.adapters.sqlite import SqliteSessionStore, open_database
from fluffbuzz.core.messages import assistant, user


async def fill(state_dir: Path, messages: int) -> str:
    """A stored conversation of that many messages; returns its id."""
    database = open_database(state_dir, now=time.time, token=os.urandom)
    store = SqliteSessionStore(database)
    session = await store.create()
    for number in range(messages // 2):
        await store.append(session.id, user(f"Question number {number}, about nothing in particular?"))
        await store.append(session.id, assistant(f"Answer number {number}: it depends on what you mean by nothing."))
    await store.close()
    return session.id


def make(state_dir: Path, messages: int) -> str:
    """`fill`, from synchronous code."""
    return asyncio.run(fill(state_dir, messages))


def until_prompt(fluffbuzz: str, env: Mapping[str, str], session: str) -> None:
    """Open the chat on a pseudo-terminal, wait for its prompt, and leave."""
    chat = pexpect.spawn(
        fluffbuzz, ["chat", "--session", session], env=dict(env), timeout=60, dimensions=(40, 100), encoding="utf-8"
    )
    chat.expect("›")
    chat.close(force=True)
