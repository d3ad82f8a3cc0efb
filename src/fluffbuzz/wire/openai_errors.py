"""Error bodies of OpenAI-compatible servers: the object, the bare string, the old flat form, and no JSON at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fluffbuzz.core.failure import Evidence
from fluffbuzz.wire import json_text

MAX_MESSAGE = 2000
"""Characters of a server's message that are kept."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> Evidence:
    """Read the body of a response whose status says that it failed.

    Args:
        headers: names in lower case.
        body: JSON in any of the known forms; anything else is quoted as it is.
    """
    retry_after = _retry_after(headers)
    try:
        document = json_text.parse(body)
    except ValueError:
        return Evidence(status, _excerpt(body), retry_after=retry_after)
    return _evidence(status, document, retry_after) or Evidence(status, _excerpt(body), retry_after=retry_after)


def decode_error_event(document: Mapping[str, Any]) -> Evidence | None:
    """An error object inside a stream whose status was 200; None where the document is no error."""
    if not document.get("error") and document.get("object") != "error":
        return None
    found = _evidence(None, document, None) or Evidence(None, _text(document))
    status = int(found.code) if found.code.isdecimal() and 400 <= int(found.code) < 600 else None
    return Evidence(status, found.message, found.type, found.code, found.param)


def _evidence(status: int | None, document: Any, retry_after: float | None) -> Evidence | None:
    match document:
        case {"error": str(message)}:
            return Evidence(status, message[:MAX_MESSAGE], retry_after=retry_after)
        case {"error": {**error}}:
            return _from_object(status, error, retry_after)
        case {"error": int() | float() | list() as unusual} if unusual:
            return Evidence(status, _text(unusual), retry_after=retry_after)
        case {"message": str()}:
            return _from_object(status, document, retry_after)
        case {"detail": detail}:
            return Evidence(status, _text(detail), retry_after=retry_after)
        case _:
            return None


def _from_object(status: int | None, error: Mapping[Any, Any], retry_after: float | None) -> Evidence:
    return Evidence(
        status,
        _text(error.get("message")) or _text(error),
        _text(error.get("type")),
        _text(error.get("code")),
        _text(error.get("param")),
        retry_after,
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json_text.show(value)
    return text[:MAX_MESSAGE]


def _excerpt(body: bytes) -> str:
    return body[:MAX_MESSAGE].decode("utf-8", "replace").strip()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None
