"""JSON as servers really write it: fast where it is clean, lenient where it is not.

The fast parser refuses lone surrogates and NaN, which real servers do emit; those documents are read by the standard
library and their broken characters replaced, so that an answer is never lost over one of them.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


def parse(document: bytes) -> Any:
    """The value of a JSON document.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        return _parse_leniently(document.decode("utf-8", "replace"))


def _parse_leniently(text: str) -> Any:
    try:
        return _without_surrogates(json.loads(text))
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def render(value: object) -> bytes:
    """A value as compact JSON; lone surrogates (a command line holds some for bytes that are no text) are replaced."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(_without_surrogates(value), ensure_ascii=False, separators=(",", ":")).encode()


def show(value: object) -> str:
    """What others sent, as JSON text to pass on; it may be nested deeper than can be written again."""
    try:
        return render(value).decode()
    except RecursionError:
        return "(nested too deeply)"


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
        case _:
            return value
