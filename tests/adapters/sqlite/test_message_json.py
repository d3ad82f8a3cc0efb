"""Messages as JSON: what comes back is what went in, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.adapters.sqlite.message_json import decode_parts, encode_parts, storable
from fluffbuzz.core.messages import Image, Part, Text, Thinking, ToolCall, ToolResult

PARTS = st.one_of(
    st.builds(Text, st.text()),
    st.builds(Thinking, st.text()),
    st.builds(Image, st.text(), st.binary()),
    st.builds(ToolCall, st.text(), st.text(), st.text()),
    st.builds(ToolResult, st.text(), st.text()),
)


@given(st.lists(PARTS).map(tuple))
def test_what_is_decoded_equals_what_was_encoded(parts: tuple[Part, ...]) -> None:
    assert decode_parts(encode_parts(parts)) == parts


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Text('東京 "q" \\ \n'), '[{"type":"text","text":"東京 \\"q\\" \\\\ \\n"}]'),
        (Thinking("hm"), '[{"type":"thinking","text":"hm"}]'),
        (Image("image/png", b"\x00\xff"), '[{"type":"image","media_type":"image/png","data":"AP8="}]'),
        (ToolCall("1", "f", '{"a": 1}'), '[{"type":"tool_call","id":"1","name":"f","arguments":"{\\"a\\": 1}"}]'),
        (ToolResult("1", "ok"), '[{"type":"tool_result","call_id":"1","text":"ok"}]'),
    ],
)
def test_the_form_on_disk_stays_as_it_is(part: Part, written: str) -> None:
    assert encode_parts((part,)) == written


@pytest.mark.parametrize("half", ["\ud800", "before \udcff after", "\udfff\ud800"])
def test_half_characters_from_a_terminal_are_kept_in_messages(half: str) -> None:
    written = encode_parts((Text(half),))
    written.encode()  # is UTF-8
    assert decode_parts(written) == (Text(half),)


def test_half_characters_elsewhere_become_question_marks() -> None:
    assert storable("caf\udce9 東京") == "caf? 東京"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}x",
        "[{}]",
        "[1]",
        "7",
        '[{"type":"song","text":"la"}]',
        '[{"type":"text"}]',
        '[{"type":"image","media_type":"image/png","data":"?"}]',
    ],
)
def test_what_it_never_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_parts(text)
