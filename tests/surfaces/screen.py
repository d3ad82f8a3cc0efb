"""A small terminal's screen: what a user would read on it, scrolled-off lines included.

It understands what rich and prompt_toolkit write, and refuses any other control sequence, so that a test never passes
by overlooking one.
"""

from __future__ import annotations

import re
from unicodedata import combining, east_asian_width

_SEQUENCE = re.compile(
    r"\x1b\[(?P<private>[?>=]?)(?P<numbers>[\d;:]*)(?P<final>[@-~])"
    r"|\x1b\](?P<title>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b(?P<short>[=>78cMDE]|[()][A-Z0-9])"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[?>=]?[\d;:]*|\][^\x07\x1b]*\x1b?|[()])?$")


class UnknownSequence(AssertionError):
    """The program wrote a control sequence that this screen does not know."""


class Screen:
    """Takes what a program writes; `text` is what there is to read.

    Attributes:
        replies: what a real terminal would have answered; whoever drives the program sends it on.
        sequences: every control sequence as it came.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows = rows
        self.columns = columns
        self.replies = ""
        self.sequences: list[str] = []
        self._past: list[str] = []
        self._lines: list[list[str]] = [[] for _ in range(rows)]
        self._row = 0
        self._column = 0
        self._rest = ""

    @property
    def text(self) -> str:
        """Everything from the beginning, each line without trailing spaces."""
        lines = [*self._past, *("".join(line).rstrip() for line in self._lines)]
        return "\n".join(lines).rstrip("\n")

    @property
    def visible(self) -> str:
        """What stands on the screen at this moment."""
        return "\n".join("".join(line).rstrip() for line in self._lines).rstrip("\n")

    def feed(self, text: str) -> None:
        """Take more output."""
        text = self._rest + text
        self._rest = ""
        if unfinished := _UNFINISHED.search(text):
            text, self._rest = text[: unfinished.start()], unfinished.group()
        position = 0
        while position < len(text):
            if text[position] == "\x1b":
                found = _SEQUENCE.match(text, position)
                if found is None:
                    raise UnknownSequence(repr(text[position : position + 20]))
                self.sequences.append(found.group())
                self._obey(found)
                position = found.end()
            else:
                self._write(text[position])
                position += 1

    def _write(self, character: str) -> None:
        match character:
            case "\r":
                self._column = 0
            case "\n":
                self._down()
            case "\b":
                self._column = max(0, self._column - 1)
            case "\x07":
                pass
            case _ if character < " ":
                raise UnknownSequence(repr(character))
            case _:
                self._put(character)

    def _put(self, character: str) -> None:
        width = 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
        if self._column + width > self.columns:
            self._column = 0
            self._down()
        line = self._lines[self._row]
        line.extend(" " * (self._column + width - len(line)))
        if width:
            line[self._column : self._column + width] = [character, *[""] * (width - 1)]
        else:
            line[self._column - 1] += character
        self._column += width

    def _down(self) -> None:
        if self._row < self.rows - 1:
            self._row += 1
            return
        self._past.append("".join(self._lines.pop(0)).rstrip())
        self._lines.append([])

    def _obey(self, found: re.Match[str]) -> None:
        if found["final"] is None or found["private"]:
            return  # titles, links, modes and character sets: nothing of them is read
        first = int(re.split("[;:]", found["numbers"])[0] or 0)
        match found["final"]:
            case "A" | "B" | "C" | "D":
                self._move(found["final"], max(1, first))
            case "G":
                self._column = max(1, first) - 1
            case "H":
                second = found["numbers"].partition(";")[2]
                self._row, self._column = max(1, first) - 1, max(1, int(second or 1)) - 1
            case "J":
                self._erase_below(first)
            case "K":
                self._erase_line(first)
            case "n":
                self.replies += f"\x1b[{self._row + 1};{self._column + 1}R"
            case "m" | "t" | "h" | "l" | "q":
                pass
            case _:
                raise UnknownSequence(repr(found.group()))

    def _move(self, direction: str, by: int) -> None:
        down, right = {"A": (-by, 0), "B": (by, 0), "C": (0, by), "D": (0, -by)}[direction]
        self._row = min(self.rows - 1, max(0, self._row + down))
        self._column = min(self.columns - 1, max(0, self._column + right))

    def _erase_below(self, how: int) -> None:
        if how == 2:
            self._lines = [[] for _ in range(self.rows)]
            return
        del self._lines[self._row][self._column :]
        for row in range(self._row + 1, self.rows):
            self._lines[row] = []

    def _erase_line(self, how: int) -> None:
        line = self._lines[self._row]
        match how:
            case 0:
                del line[self._column :]
            case 1:
                line[: self._column + 1] = " " * min(len(line), self._column + 1)
            case _:
                line.clear()
