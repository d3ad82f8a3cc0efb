"""The vocabulary in which the table of settings is written: what a key is, what its value may be, how far it is built.

Only words here; the settings themselves are the rows in `keys`, and everything else (checking, redaction, JSON Schema,
the reference) reads those rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import assert_never


class Standing(Enum):
    """What becomes of a key that somebody wrote."""

    BUILT = "built"
    IGNORED = "accepted, not built yet"
    """Concerns a part that is not built: accepted with a warning, so that an existing file loads."""
    REFUSED = "not supported"
    """Would change how a request travels and is not built: an error, for ignoring it would be a lie."""


class Form(Enum):
    """What a text has to look like."""

    ANY = "text"
    FILLED = "text that is not empty"
    URL = "an http:// or https:// URL with a host"
    HEADER = "text that can be sent as a header"
    FILE = "the path of a file"


@dataclass(frozen=True, slots=True)
class Text:
    """A string: of a form, or one of `choices`; one of `later` is understood but not built."""

    form: Form = Form.ANY
    choices: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret string, or a reference to where the secret is kept (documented, not built)."""


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number: `above` excludes its bound, `least` includes it."""

    above: float | None = None
    least: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """An object whose keys are the rows below it; any other key is a mistake."""


@dataclass(frozen=True, slots=True)
class Table:
    """An object with keys of the user's choice; the row of its values is `*`, or they all are `of`."""

    of: Kind | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list; the row of its items is `[]`, or they all are `of`."""

    of: Kind | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """An object that is passed on as it is."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value: the key is not built, so nobody reads it."""


@dataclass(frozen=True, slots=True)
class Either:
    """One of two: the short form or the full one."""

    short: Text
    full: Record | Sequence


Kind = Text | Credential | Flag | Number | Record | Table | Sequence | Open | Anything | Either


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table.

    Attributes:
        path: `*` stands for a key of the user's choice, `[]` for each item of a list.
        kind: what its value may be.
        doc: one line for the reference.
        default: what holds where the key is not set; None where nothing does.
        is_secret: whether its value is hidden in every output.
        is_required: whether the object it belongs to must have it.
        instead: for a refused key, what is supported.
    """

    path: str
    kind: Kind
    doc: str
    default: object = None
    is_secret: bool = False
    is_required: bool = False
    standing: Standing = Standing.BUILT
    instead: str = ""


def describe(kind: Kind) -> str:
    """The kind in the words of an error message: `a whole number above 0`."""
    match kind:
        case Text(choices=choices) if choices:
            *others, last = (f'"{choice}"' for choice in choices)
            return f"{', '.join(others)} or {last}" if others else last
        case Text(form=form):
            return form.value
        case Credential():
            return "text"
        case Flag():
            return "true or false"
        case Number():
            return _describe_number(kind)
        case Record() | Table() | Open():
            return "an object"
        case Sequence():
            return "a list"
        case Anything():
            return "any value"
        case Either():
            return f"{describe(kind.short)} or {describe(kind.full)}"
        case _:
            assert_never(kind)


def _describe_number(kind: Number) -> str:
    name = "a whole number" if kind.whole else "a number"
    if kind.above is not None:
        return f"{name} above {kind.above:g}"
    return f"{name}, {kind.least:g} or more" if kind.least is not None else name
