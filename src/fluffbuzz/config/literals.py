"""The scalars of JSON5: strings with their escapes, numbers, and the bare words that may be keys.

Every function takes the text and where a scalar begins, and gives its value and where it ends, or raises `Mistake`.
"""

from __future__ import annotations

import re

MAX_DIGITS = 400
"""More digits than any number has; turning far more of them into an integer takes seconds."""

WORD = re.compile(r"(?:[^\W\d]|\$|\\u[0-9a-fA-F]{4})(?:[\w$\u200c\u200d]|\\u[0-9a-fA-F]{4})*")
_NUMBER = re.compile(
    r"[+-]?(?:Infinity|NaN|0[xX][0-9a-fA-F]+"
    r"|(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w$.])",
    re.ASCII,
)
_PLAIN = {'"': re.compile(r'[^"\\\r\n]*'), "'": re.compile(r"[^'\\\r\n]*")}
_LINE_CONTINUATION = re.compile("\r\n|[\r\n\u2028\u2029]")
_HEX = {"x": re.compile(r"[0-9a-fA-F]{2}"), "u": re.compile(r"[0-9a-fA-F]{4}")}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALF_SURROGATE = re.compile("[\ud800-\udfff]")


class Mistake(Exception):
    """Text that is not JSON5, at a position."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


def read_string(text: str, start: int) -> tuple[str, int]:
    """The string that opens at `start`; gives its value and the position behind its closing quote."""
    quote, at, parts = text[start], start + 1, list[str]()
    while True:
        run = _PLAIN[quote].match(text, at)
        assert run, "the pattern also matches nothing"
        parts.append(run.group())
        at = run.end()
        match text[at : at + 1]:
            case "\\":
                part, at = _escape(text, at)
                parts.append(part)
            case mark if mark == quote:
                return _joined(parts, start), at + 1
            case _:
                raise Mistake(start, f"this string has no closing {quote} on its line")


def _joined(parts: list[str], start: int) -> str:
    value = _SURROGATES.sub(lambda pair: _character(pair.group()), "".join(parts))
    if _HALF_SURROGATE.search(value):
        raise Mistake(start, "this string has half of a character: a \\ud8.. escape without its \\udc.. one")
    return value


def _character(pair: str) -> str:
    high, low = ord(pair[0]), ord(pair[1])
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _escape(text: str, at: int) -> tuple[str, int]:
    """What the escape at `at` stands for, and the position behind it."""
    if newline := _LINE_CONTINUATION.match(text, at + 1):
        return "", newline.end()
    sign = text[at + 1 : at + 2]
    if digits := _HEX.get(sign):
        found = digits.match(text, at + 2)
        if not found:
            raise Mistake(at, f"\\{sign} needs {'two' if sign == 'x' else 'four'} hexadecimal digits")
        return chr(int(found.group(), 16)), found.end()
    if sign == "0" and not text[at + 2 : at + 3].isdecimal():
        return "\0", at + 2
    if sign.isdecimal():
        raise Mistake(at, f"\\{sign} is no escape; write a backslash as \\\\")
    if not sign:
        raise Mistake(at, "the file ends inside a string")
    return _ESCAPES.get(sign, sign), at + 2


def read_number(text: str, start: int) -> tuple[int | float, int]:
    """The number at `start`, and the position behind it."""
    found = _NUMBER.match(text, start)
    if not found:
        raise Mistake(start, _not_a_number(text, start))
    token = found.group()
    if len(token) > MAX_DIGITS:
        raise Mistake(start, f"this number has more than {MAX_DIGITS} digits")
    if "x" in token or "X" in token:
        return int(token, 16), found.end()
    if token.lstrip("+-").isdecimal():
        return int(token), found.end()
    return float(token), found.end()


def _not_a_number(text: str, start: int) -> str:
    token = re.match(r"[+-]?[\w.]*", text[start:])
    word = token.group() if token else ""
    if re.match(r"[+-]?0\d", word):
        return f"`{_short(word)}` is no number: a number cannot begin with 0"
    return f"`{_short(word)}` is no number; text needs quotes"


def read_word(text: str, start: int) -> tuple[str, int] | None:
    """The bare word at `start` (a key without quotes), and the position behind it."""
    found = WORD.match(text, start)
    if not found:
        return None
    word = found.group()
    if "\\" in word:
        word, _ = read_string(f'"{word}"', 0)
    return word, found.end()


def _short(text: str, limit: int = 30) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
