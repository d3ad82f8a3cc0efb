"""How many tokens fit: an estimate of a prompt, and the room that a window leaves for the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import ceil
from typing import assert_never

from fluffbuzz.core.messages import Image, Message, Text, Thinking, ToolCall, ToolResult
from fluffbuzz.core.usage import Count, estimated

MESSAGE_OVERHEAD = 4
"""Tokens that a chat template usually adds to each message."""

IMAGE_TOKENS = 1000
"""What an image is taken to cost until the server has counted it."""

_CHARACTERS_PER_TOKEN = 4
_MOST_CHARACTERS_PER_TOKEN = 10
_WIDE = "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"


def estimate_text(text: str) -> int:
    """Tokens of a text, roughly: one for each wide (CJK) character, one for four of the others, rounded up."""
    wide = len(re.findall(_WIDE, text))
    return wide + ceil((len(text) - wide) / _CHARACTERS_PER_TOKEN)


def estimate(messages: Iterable[Message]) -> Count:
    """Tokens of a conversation, roughly."""
    return estimated(sum(MESSAGE_OVERHEAD + sum(map(_part_tokens, message.parts)) for message in messages))


def _part_tokens(part: Text | Thinking | Image | ToolCall | ToolResult) -> int:
    match part:
        case Text(text) | ToolResult(_, text):
            return estimate_text(text)
        case ToolCall(_, name, arguments):
            return estimate_text(name + arguments)
        case Image():
            return IMAGE_TOKENS
        case Thinking():
            return 0  # earlier thinking is not sent again
        case _:
            assert_never(part)


def fewest(messages: Iterable[Message]) -> int:
    """Tokens that a conversation has in any case: no tokenizer packs more characters than this into its tokens."""
    return sum(len(message.text) for message in messages) // _MOST_CHARACTERS_PER_TOKEN


def clamp_output(limit: int | None, window: int | None, prompt: int) -> int | None:
    """The limit to send: at most what the window leaves beside the prompt, at least 1, and None where none was set.

    `prompt` must not be too many: what the user set is never cut down by a guess, and servers cut the rest themselves.
    """
    if limit is None or window is None:
        return limit
    return max(1, min(limit, window - prompt))


def share(context: Count, window: int) -> float:
    """How much of the window is in use, 0 to 1 and beyond."""
    return context.tokens / window
