"""Markdown while it streams: whatever the pieces it comes in, the reader ends with everything once, in order."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from tests.surfaces.screen import Screen

from fluffbuzz.surfaces.terminal.markdown import REDRAW_EVERY, REDRAW_SHARE, MarkdownStream, finished_blocks

ROWS, COLUMNS = 8, 60
WORD = re.compile(r"word\d+")


@dataclass
class Clock:
    """A clock that goes on with every look at it, and timers that a test lets run out."""

    step: float = 0.0
    now: float = 0.0
    timers: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def monotonic(self) -> float:
        self.now += self.step
        return self.now

    def later(self, seconds: float, act: Callable[[], None]) -> Clock:
        self.timers.append((seconds, act))
        return self

    def cancel(self) -> None:
        self.timers.clear()


@dataclass
class Paper:
    """A terminal that counts how often it was drawn on."""

    out: io.StringIO = field(default_factory=io.StringIO)

    @property
    def console(self) -> Console:
        return Console(file=self.out, force_terminal=True, width=COLUMNS, height=ROWS, legacy_windows=False)

    @property
    def screen(self) -> Screen:
        screen = Screen(ROWS, COLUMNS)
        screen.feed(self.out.getvalue().replace("\n", "\r\n"))
        return screen


def shown(pieces: Sequence[str], clock: Clock | None = None) -> str:
    """What is to be read at the end of an answer that came in these pieces."""
    clock, paper = clock or Clock(step=1.0), Paper()
    with MarkdownStream(paper.console, clock.monotonic, clock.later) as stream:
        for piece in pieces:
            stream.write(piece)
    return paper.screen.text


BLOCKS = {
    "paragraph": "{} **{}** _{}_ `{}`",
    "long": " ".join(["{}"] * 30),
    "heading": "## {}",
    "bullets": "- {}\n- {}\n  - {}\n- {}",
    "numbers": "1. {}\n2. {}\n\n3. {}",
    "loose": "- {}\n\n- {}\n\n  {}\n\n- {}",
    "fence": "```python\n{} = 1\n\n{} = 2\n```",
    "tildes": "~~~\n```\n{}\n```\n~~~",
    "tall": "```\n" + "{}\n" * 25 + "```",
    "table": "| {} | {} |\n|---|---|\n| {} | {} |",
    "quote": "> {}\n> {}",
    "tags": "a<{}> <b>{}</b>\n\n<div>{}</div>",
    "link": "[{}](http://x/{}) ![{}](http://x/{})",
    "reference": "[{}]: http://x/{}",
    "rule": "{}\n\n---\n\n{}",
    "open": "```\n{}",
}


@st.composite
def documents(draw: st.DrawFn) -> list[str]:
    """An answer of several blocks, every word of it another, in pieces of any size."""
    names = draw(st.lists(st.sampled_from(list(BLOCKS)[:-1]), min_size=1, max_size=5))
    names += draw(st.sampled_from([[], ["open"]]))
    count = itertools.count()
    text = "\n\n".join(re.sub(r"\{\}", lambda _: f"word{next(count)}", BLOCKS[name]) for name in names)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=20)))
    return [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]


@settings(max_examples=60, deadline=None)
@given(pieces=documents())
def test_every_word_is_shown_once_and_in_order_whatever_the_pieces(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert WORD.findall(shown(pieces)) == WORD.findall(text)


@pytest.mark.parametrize("name", BLOCKS)
def test_each_kind_of_block_is_shown_once_token_by_token(name: str) -> None:
    count = itertools.count()
    text = re.sub(r"\{\}", lambda _: f"word{next(count)}", BLOCKS[name])
    assert WORD.findall(shown(list(text))) == WORD.findall(text)


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("", ""),
        ("one\ntwo", ""),
        ("one\n\n", ""),
        ("one\n\ntwo", "one\n\n"),
        ("one\n\n  two", ""),
        ("one\n\n\n\ntwo\n\nthree", "one\n\n\n\ntwo\n\n"),
        ("```\na\n\nb", ""),
        ("```\na\n\nb\n```\n\nend", "```\na\n\nb\n```\n\n"),
        ("````\n```\n\nb", ""),
        ("~~~\n```\n\nb\n~~~\n\nc", "~~~\n```\n\nb\n~~~\n\n"),
        ("1. one\n\n   more\n\n2. two", "1. one\n\n   more\n\n"),
    ],
)
def test_a_block_is_finished_when_a_line_begins_that_is_none_of_it(text: str, finished: str) -> None:
    assert text[: finished_blocks(text)] == finished


def test_what_came_last_is_drawn_even_if_nothing_follows_it() -> None:
    clock, paper = Clock(), Paper()
    with MarkdownStream(paper.console, clock.monotonic, clock.later) as stream:
        stream.write("first ")
        stream.write("second")
        assert "second" not in paper.screen.text
        [(seconds, act)] = clock.timers
        assert 0 < seconds <= REDRAW_EVERY
        act()
        assert "first second" in paper.screen.text
        assert not clock.timers


def test_a_burst_of_pieces_is_drawn_once() -> None:
    clock, paper = Clock(), Paper()
    with MarkdownStream(paper.console, clock.monotonic, clock.later) as stream:
        for _ in range(100):
            stream.write("x")
        assert len(clock.timers) == 1
    assert not clock.timers


def test_a_drawing_that_takes_long_is_followed_by_a_longer_pause() -> None:
    clock, paper = Clock(step=1.0), Paper()
    with MarkdownStream(paper.console, clock.monotonic, clock.later) as stream:
        stream.write("drawn, which takes a second of this clock")
        clock.step = 0.0
        clock.now += REDRAW_SHARE - 0.5
        stream.write(" later")
        [(seconds, _)] = clock.timers
        assert seconds == pytest.approx(0.5)


def test_an_answer_of_blank_lines_shows_nothing() -> None:
    assert shown(["\n", "\n\n", " "]).strip() == ""
