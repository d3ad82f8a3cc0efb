"""The table of settings as Markdown, for the documentation: what works, what is accepted, what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable

from fluffbuzz.config.keys import TABLE
from fluffbuzz.config.schema import Key, Standing, describe


def render_reference() -> str:
    """Three Markdown tables, one a standing; every row of the table of settings is in one of them."""
    parts = (
        _table(
            "Settings",
            "Key | Value | Default | Meaning",
            (_built(key) for key in TABLE if key.standing is Standing.BUILT),
        ),
        _table(
            "Accepted, not built yet",
            "Key | Value | Default | Meaning",
            (_built(key) for key in TABLE if key.standing is Standing.IGNORED),
        ),
        _table(
            "Not supported",
            "Key | Meaning | What is supported",
            (
                (f"`{key.path}`", key.doc, f"{key.instead[:1].upper()}{key.instead[1:]}.")
                for key in TABLE
                if key.standing is Standing.REFUSED
            ),
        ),
    )
    return "\n".join(parts)


def _table(title: str, head: str, rows: Iterable[tuple[str, ...]]) -> str:
    line = " | ".join("---" for _ in head.split(" | "))
    body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"## {title}\n\n| {head} |\n| {line} |\n{body}"


def _built(key: Key) -> tuple[str, ...]:
    default = "" if key.default is None else f"`{json.dumps(key.default)}`"
    secret = " Secret." if key.is_secret else ""
    return f"`{key.path}`", describe(key.kind), default, f"{key.doc}{secret}"
