"""Values as they may be shown: every secret as `***`, whatever part of the configuration it stands in.

What the table calls secret is hidden, and so is text under any key that sounds like a secret, for in open parts of the
file nobody knows. `${NAME}` alone is no secret: it says where one comes from.
"""

from __future__ import annotations

import re
from typing import assert_never

from fluffbuzz.config.rules import Rule, rule_at
from fluffbuzz.config.tree import Array, KeyPath, Node, Object, Scalar
from fluffbuzz.config.variables import is_reference

HIDDEN = "***"

_SOUNDS_SECRET = re.compile(
    r"token$|password|passphrase|secret|api[_-]?key|private[_-]?key|^key$|authorization|credential|cookie|bearer",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s]*@")


def is_in_secret(path: KeyPath) -> bool:
    """Whether a place is in something secret, or is itself called like it."""
    ways = (path[: depth + 1] for depth in range(len(path)))
    return any(_sounds_secret(way[-1]) or bool((rule := rule_at(way)) and rule.key.is_secret) for way in ways)


def _sounds_secret(name: str | int) -> bool:
    return isinstance(name, str) and bool(_SOUNDS_SECRET.search(name))


def shown(node: Node, rule: Rule | None, name: str = "", *, is_hidden: bool = False) -> object:
    """The node as plain values that may be printed; `name` is the key it stands under."""
    is_hidden = is_hidden or bool(rule and rule.key.is_secret) or _sounds_secret(name)
    match node:
        case Scalar(value=str() as text):
            return _text(text, is_hidden=is_hidden)
        case Scalar(value=bool() | None as value):
            return value
        case Scalar(value=value):
            return HIDDEN if is_hidden and rule is not None and rule.key.is_secret else value
        case Array(items=items):
            below = rule.below(0) if rule else None
            return [shown(item, below, is_hidden=is_hidden) for item in items]
        case Object(members=members):
            return {
                m.name: shown(m.value, rule.below(m.name) if rule else None, m.name, is_hidden=is_hidden)
                for m in members
            }
        case _:
            assert_never(node)


def _text(text: str, *, is_hidden: bool) -> str:
    if is_hidden:
        return text if is_reference(text) else HIDDEN
    return _USER_IN_URL.sub(f"{HIDDEN}@", text)
