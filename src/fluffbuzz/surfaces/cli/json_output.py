"""JSON for scripts: indented, keys in the order in which they are documented, text as it is."""

from __future__ import annotations

import orjson


def render_json(value: object) -> str:
    """A value as JSON text."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
