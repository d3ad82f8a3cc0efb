"""Messages: everything that was said, and how it is read."""

from __future__ import annotations

import dataclasses

import pytest

from fluffbuzz.core.messages import (
    Image,
    Message,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    assistant,
    system,
    user,
)

PICTURE = Image("image/png", b"\x89PNG")
CALL, OTHER_CALL = ToolCall("1", "f", "{}"), ToolCall("2", "g", "")
FULL = Message(Role.ASSISTANT, (Thinking("hm"), Text("a"), CALL, Thinking("m"), Text("b"), OTHER_CALL))


def test_text_thinking_and_tool_calls_are_read_apart_and_in_order():
    assert (FULL.text, FULL.thinking, FULL.tool_calls) == ("ab", "hmm", (CALL, OTHER_CALL))


def test_a_message_without_parts_says_nothing():
    empty = Message(Role.USER, ())
    assert (empty.text, empty.thinking, empty.tool_calls, empty.has_images) == ("", "", (), False)


def test_the_text_of_a_tool_result_is_not_text_of_the_speaker():
    assert Message(Role.TOOL, (ToolResult("1", "18 C"),)).text == ""


def test_an_image_anywhere_counts():
    assert user("What?", (PICTURE,)).has_images
    assert not FULL.has_images


@pytest.mark.parametrize(
    ("message", "role"),
    [(system("Hi"), Role.SYSTEM), (user("Hi"), Role.USER), (assistant("Hi"), Role.ASSISTANT)],
)
def test_a_plain_message_is_made_from_its_text(message: Message, role: Role):
    assert message == Message(role, (Text("Hi"),))


def test_a_user_message_is_its_text_then_its_images():
    assert user("Hi", (PICTURE,)).parts == (Text("Hi"), PICTURE)


def test_a_message_never_changes():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.role = Role.USER  # type: ignore[misc]  # the point of the test
