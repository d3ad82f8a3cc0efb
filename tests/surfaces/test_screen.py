"""The tests' own terminal: it must show what a real one would, and refuse what it does not know."""

from __future__ import annotations

import pytest
from tests.surfaces.screen import Screen, UnknownSequence


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("one\r\ntwo", "one\ntwo"),
        ("abc\rX", "Xbc"),
        ("abcdefghijk", "abcdefghij\nk"),
        ("日本語日本語", "日本語日本\n語"),
        ("e\u0301", "e\u0301"),
        ("one\r\ntwo\x1b[1A\rX", "Xne\ntwo"),
        ("one\r\ntwo\x1b[2K\x1b[1A\x1b[2K\rx", "x"),
        ("abc\x1b[2D\x1b[K!", "a!"),
        ("abc\x1b[1;2Hx\x1b[J", "ax"),
        ("a\x1b[1;31mb\x1b[0m\x1b[?25l\x1b]0;title\x07", "ab"),
        ("1\r\n2\r\n3\r\n4\r\n5", "1\n2\n3\n4\n5"),
    ],
)
def test_it_shows_what_a_terminal_shows(written: str, text: str) -> None:
    for size in (1, len(written)):
        screen = Screen(3, 10)
        for at in range(0, len(written), size):
            screen.feed(written[at : at + size])
        assert screen.text == text


def test_what_has_scrolled_off_stays_to_be_read_but_is_not_visible() -> None:
    screen = Screen(2, 10)
    screen.feed("1\r\n2\r\n3")
    assert (screen.text, screen.visible) == ("1\n2\n3", "2\n3")


def test_it_tells_where_the_cursor_is() -> None:
    screen = Screen(3, 10)
    screen.feed("a\r\nbc\x1b[6n")
    assert screen.replies == "\x1b[2;3R"


@pytest.mark.parametrize("sequence", ["\x1b[5Z", "\x1bX", "\x01"])
def test_it_refuses_what_it_does_not_know(sequence: str) -> None:
    with pytest.raises(UnknownSequence):
        Screen(3, 10).feed(f"a{sequence}b")
