"""A conversation as a document: Markdown to read, JSON with everything that is stored of it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from fluffbuzz.core.messages import Image, Message, Part, Text, Thinking, ToolCall, ToolResult
from fluffbuzz.core.session import Call, MessageState, Session, StoredMessage, TurnSummary
from fluffbuzz.surfaces.cli.json_output import render_json
from fluffbuzz.surfaces.cli.report import usage_report
from fluffbuzz.surfaces.terminal.wording import moment_text

_STATES = {
    MessageState.STREAMING: " (still being answered)",
    MessageState.CANCELLED: " (cancelled)",
    MessageState.CUT: " (cut off)",
}


def as_markdown(session: Session, messages: Iterable[StoredMessage]) -> str:
    """The conversation to read."""
    head = f"# {session.title or 'Conversation'}\n\n{session.id}, {moment_text(session.created)}"
    blocks = [f"## {_speaker(stored)}\n\n{_body(stored.message)}" for stored in messages]
    return "\n\n".join([head, *blocks])


def _speaker(stored: StoredMessage) -> str:
    model = f" ({stored.model})" if stored.model else ""
    return stored.message.role.value.capitalize() + model + _STATES.get(stored.state, "")


def _body(message: Message) -> str:
    return "\n\n".join(text for part in message.parts if (text := _readable(part)))


def _readable(part: Part) -> str:
    match part:
        case Text(text) | ToolResult(_, text):
            return text
        case Thinking(text):
            return "\n".join(f"> {line}" for line in text.splitlines())
        case Image(media_type, data):
            return f"[image: {media_type}, {len(data):,} bytes]"
        case ToolCall(_, name, arguments):
            return f"[tool call: {name}({arguments})]"
        case _:
            assert_never(part)


def as_json(session: Session, messages: Sequence[StoredMessage], turns: Sequence[TurnSummary]) -> str:
    """Everything that is stored of a conversation, all branches and calls."""
    return render_json(
        session_report(session)
        | {
            "leaf": session.leaf,
            "messageTree": [_message(stored) for stored in messages],
            "turns": [_turn(turn) for turn in turns],
        }
    )


def session_report(session: Session) -> dict[str, Any]:
    """A session's own facts."""
    return {
        "id": session.id,
        "title": session.title,
        "created": session.created,
        "updated": session.updated,
        "model": session.model or None,
        "messages": session.messages,
    }


def _message(stored: StoredMessage) -> dict[str, Any]:
    return {
        "id": stored.id,
        "parent": stored.parent,
        "role": stored.message.role,
        "state": stored.state,
        "created": stored.created,
        "model": stored.model or None,
        "parts": [_part(part) for part in stored.message.parts],
    }


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Thinking(text):
            return {"type": "thinking", "text": text}
        case Image(media_type, data):
            return {"type": "image", "mediaType": media_type, "data": b64encode(data).decode()}
        case ToolCall(call, name, arguments):
            return {"type": "toolCall", "id": call, "name": name, "arguments": arguments}
        case ToolResult(call, text):
            return {"type": "toolResult", "id": call, "text": text}
        case _:
            assert_never(part)


def _turn(turn: TurnSummary) -> dict[str, Any]:
    return {
        "id": turn.id,
        "started": turn.started,
        "outcome": turn.outcome,
        "calls": [_call(each) for each in turn.calls],
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "kind": call.kind,
        "model": call.model,
        "endpoint": call.base_url,
        "keySource": call.credential,
        "started": call.started,
        "usage": usage_report(call.usage),
        "timings": {"firstToken": call.timings.first_token, "total": call.timings.total},
        "outcome": call.outcome,
        "finish": call.finish or None,
        "failure": call.failure or None,
        "message": call.message or None,
    }
