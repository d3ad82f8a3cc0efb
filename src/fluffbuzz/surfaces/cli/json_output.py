"""JSON for scripts: indented, keys in the order in which they are documented, text as it is.

Half characters (a command line holds some for bytes that are no text) are replaced as in what is sent to a server.
"""

from __future__ import annotations

import orjson

from fluffbuzz.wire import json_text


def render_json(value: object) -> str:
    """A value as JSON text."""
    try:
        return _indented(value)
    except orjson.JSONEncodeError:
        return _indented(orjson.loads(json_text.render(value)))


def _indented(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
