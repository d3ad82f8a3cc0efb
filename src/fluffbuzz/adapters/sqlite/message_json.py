"""The parts of a message as JSON text: what is decoded equals what was encoded.

Images stand in base64. Half characters (lone surrogates, which a terminal can deliver) are no UTF-8: in messages they
are kept as escapes, in other texts they become question marks.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import assert_never

from fluffbuzz.core.messages import Image, Part, Text, Thinking, ToolCall, ToolResult


def encode_parts(parts: tuple[Part, ...]) -> str:
    """Parts as a JSON array that can be stored as UTF-8."""
    rows = [_encode(part) for part in parts]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return text if is_whole(text) else json.dumps(rows, separators=(",", ":"))


def is_whole(text: str) -> bool:
    """Whether UTF-8 can hold a text: it has no half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str) -> str:
    """Text other than a message's, so that UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def decode_parts(text: str) -> tuple[Part, ...]:
    """Parts from JSON.

    Raises:
        ValueError: it is not what `encode_parts` writes.
    """
    try:
        return tuple([_decode(row) for row in json.loads(text)])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the parts of a message: {error!r}") from error


def _encode(part: Part) -> dict[str, str]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Thinking(text):
            return {"type": "thinking", "text": text}
        case Image(media_type, data):
            return {"type": "image", "media_type": media_type, "data": base64.b64encode(data).decode("ascii")}
        case ToolCall(id_, name, arguments):
            return {"type": "tool_call", "id": id_, "name": name, "arguments": arguments}
        case ToolResult(call_id, text):
            return {"type": "tool_result", "call_id": call_id, "text": text}
        case _:
            assert_never(part)


def _decode(row: Mapping[str, str]) -> Part:
    match row["type"]:
        case "text":
            return Text(row["text"])
        case "thinking":
            return Thinking(row["text"])
        case "image":
            return Image(row["media_type"], base64.b64decode(row["data"], validate=True))
        case "tool_call":
            return ToolCall(row["id"], row["name"], row["arguments"])
        case "tool_result":
            return ToolResult(row["call_id"], row["text"])
        case unknown:
            raise ValueError(f"no kind of part: {unknown!r}")
