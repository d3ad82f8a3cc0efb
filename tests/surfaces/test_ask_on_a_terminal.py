"""`fluffbuzz ask` on a terminal: spinner, Markdown and closing line, and nothing of them where they don't belong."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.surfaces.answers import answering, choice, stream
from tests.surfaces.desk import Desk, command
from tests.surfaces.terminal import CTRL_C, Terminal

from fluffbuzz.testing import EngineDeath, FakeServer, FakeVllm, Pause

CLOSING = re.compile(
    r"^vllm/org/small · 5 in( \(3 cached\))? · 8 out · 0\.3 % of 4,096 · first token \d+\.\d\d s · \d+ tok/s$",
    re.MULTILINE,
)
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")

MARKDOWN = """# Alpha

A paragraph with *bravo* and `charlie`, which goes on for so long that it has to be broken on a screen of eighty columns
and then has a second line, delta.

1. echo

2. foxtrot

   with a paragraph of its own, golf

- hotel
- india

```python
def juliett():

    return "kilo"
```

| lima | mike |
|------|------|
| november | oscar |

> papa

Generic<Quebec> and <romeo>sierra</romeo>, [tango](http://127.0.0.1/uniform), ![victor](http://127.0.0.1/whiskey.png)

<p>xray</p>

[1]: http://127.0.0.1/yankee

zulu"""
PART = re.compile(
    r"\b(?:Alpha|bravo|charlie|delta|echo|foxtrot|golf|hotel|india|juliett|kilo|lima|mike|november|oscar|papa"
    r"|Quebec|sierra|tango|uniform|victor|whiskey|xray|yankee|zulu)\b"
)


def shell(desk: Desk, script: str, *arguments: str) -> Terminal:
    """Run a line of shell on a terminal, in which `$ask` is the command."""
    words = " ".join(map(shlex.quote, command(*arguments)))
    return Terminal(["sh", "-c", script.replace("$ask", words)], desk.env | {"TERM": "xterm"}, 24, 80)


def tokens(text: str, size: int = 7) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def test_under_the_answer_stands_one_closing_line(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.cached = 3
    with desk.terminal("ask", "hi", columns=120) as terminal:
        assert terminal.end() == 0
    answer, closing = terminal.text.splitlines()
    assert answer == "The capital of France is Paris."
    assert CLOSING.match(closing)
    assert "(3 cached)" in closing


def test_every_part_of_a_markdown_answer_is_shown_once(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = tokens(MARKDOWN)
    with desk.terminal("ask", "hi", rows=12) as terminal:
        assert terminal.end() == 0
    assert PART.findall(terminal.text) == PART.findall(MARKDOWN)
    for mark in ("```", "# Alpha", "*bravo*", "waiting"):
        assert mark not in terminal.text


def test_the_lines_of_a_poem_stay_lines(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = ("Roses are red,\n", "violets are blue.")
    with desk.terminal("ask", "hi") as terminal:
        assert terminal.end() == 0
    assert terminal.text.startswith("Roses are red,\nviolets are blue.\n")


@pytest.mark.parametrize("fence", ["", "```\n"])
def test_an_answer_longer_than_the_screen_is_shown_once_and_whole(
    desk: Desk, server: FakeServer, model: FakeVllm, fence: str
) -> None:
    pause = Pause()
    lines = [f"line {number} ends.\n" for number in range(60)]
    model.answer = (fence, *lines[:40], pause, *lines[40:], fence)
    with desk.terminal("ask", "hi", rows=10) as terminal:
        terminal.until("line 39 ends.")
        pause.release()
        assert terminal.end() == 0
    assert re.findall(r"line (\d+) ends\.", terminal.text) == [str(number) for number in range(60)]


def test_until_the_first_token_the_seconds_are_counted(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    pause = Pause()
    model.answer = (pause, "done")
    with desk.terminal("ask", "hi") as terminal:
        terminal.until("waiting … ")
        said = re.search(r"waiting … (\d+) s", terminal.text)
        assert said
        terminal.until(f"waiting … {int(said[1]) + 1} s")
        pause.release()
        assert terminal.end() == 0
    assert terminal.text.startswith("done\n")
    assert "waiting" not in terminal.text


def test_a_model_that_thinks_is_said_to_think(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    pause = Pause()
    model.thinking, model.answer = ("hm, let me see",), (pause, "done")
    with desk.terminal("ask", "hi") as terminal:
        terminal.until("thinking … ")
        pause.release()
        assert terminal.end() == 0
    assert terminal.text.startswith("done\n")
    assert "let me see" not in terminal.text


def test_thinking_only_leaves_nothing_but_the_error(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.thinking, model.answer = ("hm",), ()
    with desk.terminal("ask", "hi", columns=120) as terminal:
        assert terminal.end() == 1
    assert terminal.text.startswith(
        "error: The model only thought and gave no answer (2 tokens, it ended with “stop”)."
    )


def test_a_broken_answer_is_shown_once_and_then_its_error(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = ("half", " an answer", EngineDeath())
    with desk.terminal("ask", "hi") as terminal:
        assert terminal.end() == 1
    assert terminal.text.startswith("half an answer\nerror: vLLM at http://127.0.0.1:")
    assert terminal.text.count("half an answer") == 1


def test_ctrl_c_ends_the_answer_and_leaves_the_terminal_as_it_was(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.answer = ("half", " an answer", Pause())
    with shell(desk, "trap : INT; $ask; echo code $?; stty -a", "ask", "hi") as terminal:
        terminal.until("half an answer")
        terminal.type("typed in between" + CTRL_C)
        terminal.end()
    said = terminal.text.partition("code 130")[0]
    assert said.count("half an answer") == 1
    assert "typed" not in said
    assert "^C" not in said
    assert re.search(r"[ ;]echo[ ;]", terminal.text), "the terminal echoes again"


def test_in_a_pipe_of_a_terminal_the_answer_is_plain_and_the_closing_line_stays_on_the_terminal(
    desk: Desk, server: FakeServer, model: FakeVllm, tmp_path: Path
) -> None:
    model.answer = ("# *not* rendered",)
    with shell(desk, f"$ask > {tmp_path}/out", "ask", "hi") as terminal:
        assert terminal.end() == 0
    assert (tmp_path / "out").read_bytes() == b"# *not* rendered\n"
    assert len(terminal.text.splitlines()) == 1
    assert terminal.text.startswith("vllm/org/small · 5 in · 2 out")


def test_what_is_beside_the_answer_goes_to_standard_error_only(desk: Desk, server: FakeServer, tmp_path: Path) -> None:
    with shell(desk, f"$ask 2> {tmp_path}/err", "ask", "hi") as terminal:
        assert terminal.end() == 0
    assert terminal.text == "The capital of France is Paris."
    assert (tmp_path / "err").read_bytes() == b""


def test_a_dumb_terminal_gets_the_plain_text_without_any_control_sequence(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    model.answer = ("a *plain*", " answer\x1b[31m")
    desk.env["TERM"] = "dumb"
    with desk.terminal("ask", "hi") as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.raw
    assert terminal.text.startswith("a *plain* answer␛[31m\nvllm/org/small")


def test_no_color_is_respected(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.answer = tokens(MARKDOWN)
    with desk.terminal("ask", "hi") as terminal:
        assert terminal.end() == 0
    assert COLOUR.search(terminal.raw), "without NO_COLOR there are colours"
    desk.env["NO_COLOR"] = "1"
    with desk.terminal("ask", "hi") as terminal:
        assert terminal.end() == 0
    assert not COLOUR.search(terminal.raw)
    assert "\x1b" not in terminal.raw.splitlines()[-1], "the closing line"


@pytest.mark.parametrize("option", [[], ["--no-stream"]])
def test_an_answer_cannot_command_the_terminal(
    desk: Desk, server: FakeServer, model: FakeVllm, option: list[str]
) -> None:
    model.answer = ("before\x1b]0;title\x07", "\x1b[2Jafter", "\x9b31m", "\x08\x7f")
    with desk.terminal("ask", *option, "hi") as terminal:
        assert terminal.end() == 0
    for sequence in ("\x1b]", "\x1b[2J", "\x07", "\x9b", "\x08", "\x7f"):
        assert sequence not in terminal.raw
    assert "before␛]0;title␇␛[2Jafter�31m␈␡" in terminal.text


def test_no_stream_shows_the_whole_answer_and_the_closing_line(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(*stream(choice("one "), choice("two", finish="stop")))
    with desk.terminal("ask", "--no-stream", "hi") as terminal:
        assert terminal.end() == 0
    assert terminal.text.splitlines()[0] == "one two"
    assert terminal.text.splitlines()[1].startswith("vllm/org/small · unknown in · unknown out")


def test_the_closing_line_says_that_the_answer_was_cut_at_its_limit(desk: Desk, server: FakeServer) -> None:
    with desk.terminal("ask", "--max-tokens", "2", "hi", columns=120) as terminal:
        assert terminal.end() == 0
    answer, closing = terminal.text.splitlines()
    assert answer == "The capital"
    assert closing.endswith(" · cut at the limit (length)")
