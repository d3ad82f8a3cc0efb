"""The input line: several lines by Alt-Enter or paste, a history across runs, completion of commands and models."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from fluffbuzz.surfaces.tui.commands import COMMANDS

HISTORY_FILE = "history"


async def typed_messages(state_dir: Path, refs: Sequence[str], *, keeps_history: bool) -> AsyncIterator[str]:
    """What the user types, message by message, until Ctrl-D."""
    prompt: PromptSession[str] = PromptSession(
        "› ",
        multiline=True,
        prompt_continuation="  ",
        key_bindings=_keys(),
        history=_history(state_dir / HISTORY_FILE) if keeps_history else InMemoryHistory(),
        completer=_Commands(refs),
        complete_while_typing=False,
        enable_open_in_editor=False,
    )
    while True:
        try:
            yield await prompt.prompt_async()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def piped_messages() -> Iterable[str]:
    """Each line of standard input, for a chat without a terminal."""
    return (line.rstrip("\n") for line in sys.stdin)


def _history(path: Path) -> History:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return FileHistory(path)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")  # not Ctrl-J: what Enter sends while an answer runs arrives as that
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


class _Commands(Completer):
    """Completes commands at the beginning of a line, and references after `/model`."""

    def __init__(self, refs: Sequence[str]) -> None:
        self._refs = refs

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002 -- the library's protocol
        text = document.text_before_cursor
        command, space, begun = text.partition(" ")
        choices = self._refs if space and command == "/model" else () if space else COMMANDS
        word = begun if space else text
        if text.startswith("/"):
            yield from (Completion(each, -len(word)) for each in choices if each.startswith(word))
