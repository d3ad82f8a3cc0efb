"""Names of sessions: twelve characters that sort by creation and can be read aloud.

Nine characters of time in milliseconds, three of chance, in Crockford's base 32 (no i, l, o, u), lower case.
"""

from __future__ import annotations

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARACTERS = 9
_CHANCE_CHARACTERS = 3
_AS_WRITTEN = str.maketrans({"i": "1", "l": "1", "o": "0"})

CHANCE_BYTES = 2
"""How many random bytes a name takes; 15 bits of them are used."""


def session_id(now: float, chance: bytes) -> str:
    """The name of a session made at `now` (Unix seconds)."""
    return _encode(int(now * 1000), _TIME_CHARACTERS) + _encode(int.from_bytes(chance, "big"), _CHANCE_CHARACTERS)


def as_written(text: str) -> str:
    """A name as a person may type it, in the form in which names are stored."""
    return text.strip().lower().translate(_AS_WRITTEN)


def _encode(number: int, length: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))
