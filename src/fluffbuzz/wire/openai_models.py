"""`GET /models` of OpenAI-compatible servers: which models are served, and how large their windows are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.wire import json_text

MAX_ID = 512
"""Characters of a model id; longer ones are not ids."""

_WINDOW_FIELDS = ("max_model_len", "context_length", "context_window", "context_size")

_NO_CHAT = r"embed|rerank|whisper|moderation|(^|[/_-])(tts|bge|e5|gte|clip|colbert|reward|guard)([/_-]|$)|cross-encoder"


class NotAModelList(ValueError):
    """The body is no list of models; the message says what it is instead."""


def decode_models(body: bytes) -> tuple[ServedModel, ...]:
    """Read a model list; rows without a usable id are passed over, of two alike the first counts, the order is kept.

    Raises:
        NotAModelList: it is not JSON, or has no `data` list.
    """
    try:
        document = json_text.parse(body)
    except ValueError:
        raise NotAModelList("the answer is not JSON") from None
    match document:
        case {"data": [*rows]}:
            by_id: dict[str, Mapping[str, Any]] = {}
            for row in rows:
                if name := _id(row):
                    by_id.setdefault(name, row)
            return tuple(_served(row, by_id) for row in by_id.values())
        case _:
            raise NotAModelList("the answer is JSON without a `data` list")


def _id(row: Any) -> str:
    found = row.get("id") if isinstance(row, dict) else None
    name = found.strip() if isinstance(found, str) else ""
    return name if name.isprintable() and len(name) <= MAX_ID else ""


def _served(row: Mapping[str, Any], by_id: Mapping[str, Mapping[str, Any]]) -> ServedModel:
    name, parent = _id(row), _text(row.get("parent"))
    own = _window(row)
    inherited = _window(by_id[parent]) if own is None and parent != name and parent in by_id else None
    kind = f"{_text(row.get('type'))} {_text(row.get('task'))}"
    return ServedModel(
        id=name,
        window=own or inherited,
        parent=parent if parent != name else "",
        is_window_inherited=inherited is not None,
        is_chat=not re.search(_NO_CHAT, name, re.IGNORECASE) and not re.search(_NO_CHAT, kind, re.IGNORECASE),
        owned_by=_text(row.get("owned_by")),
    )


def _window(row: Mapping[str, Any]) -> int | None:
    meta = row.get("meta")
    values = [row.get(field) for field in _WINDOW_FIELDS]
    if isinstance(meta, dict):
        values.insert(1, meta.get("n_ctx"))
    return next((size for value in values if (size := _size(value))), None)


def _size(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 1 <= value < 2**53 else 0


def _text(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text if text.isprintable() else ""
