"""The table of settings as JSON Schema (draft 2020-12), for editors and for programs that write configurations."""

from __future__ import annotations

from typing import Any, assert_never

from fluffbuzz.config.includes import INCLUDE
from fluffbuzz.config.rules import ANY_ITEM, ANY_KEY, Rule, rules
from fluffbuzz.config.schema import (
    Anything,
    Credential,
    Either,
    Flag,
    Form,
    Kind,
    Number,
    Open,
    Record,
    Sequence,
    Standing,
    Table,
    Text,
)

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = r"\$\{[A-Z_][A-Z0-9_]*\}"
_PATTERNS = {
    Form.FILLED: r"\S",
    Form.URL: rf"^[hH][tT][tT][pP][sS]?://[^\s?#@]+$|{_VARIABLE}",
    Form.HEADER: r"^\S([^\r\n]*\S)?$",
    Form.FILE: r"\S",
}

Schema = dict[str, Any]

_INCLUDE_REF: Schema = {"$ref": "#/$defs/include"}
_DEFINITIONS: Schema = {
    "include": {
        "description": "A file, or several, merged under the keys beside it.",
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
        ],
    },
    "included": {
        "type": "object",
        "properties": {INCLUDE: _INCLUDE_REF},
        "required": [INCLUDE],
        "additionalProperties": False,
    },
    "secretRef": {
        "description": "Where a secret is kept. Not built yet: write the secret itself, or ${NAME}.",
        "type": "object",
        "properties": {
            "source": {"enum": ["env", "file", "exec", "store"]},
            "provider": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"},
            "id": {"type": "string"},
        },
        "required": ["source", "provider", "id"],
        "additionalProperties": False,
    },
}


def json_schema(root: Rule | None = None) -> Schema:
    """The schema of the whole file, or of one that has other rules."""
    return {"$schema": DRAFT, "title": "FluffBuzz configuration", **_of(root or rules()), "$defs": _DEFINITIONS}


def _of(rule: Rule) -> Schema:
    """The schema of one row and all below it."""
    key = rule.key
    match key.standing:
        case Standing.REFUSED:
            return {"description": f"{key.doc} Not supported: {key.instead}.", "not": {}}
        case Standing.IGNORED:
            return {"description": f"{key.doc} Not built yet: ignored."}
        case Standing.BUILT:
            default = {} if key.default is None else {"default": key.default}
            return {"description": key.doc, **default, **_kind(key.kind, rule)}
        case _:
            assert_never(key.standing)


def _kind(kind: Kind, rule: Rule) -> Schema:
    match kind:
        case Record():
            return _record(rule)
        case Table():
            values = _of(rule.children[ANY_KEY])
            return {"type": "object", "properties": {INCLUDE: _INCLUDE_REF}, "additionalProperties": values}
        case Sequence():
            items = {"type": "array", "items": _of(rule.children[ANY_ITEM])}
            return {"anyOf": [items, {"$ref": "#/$defs/included"}]}
        case Open():
            return {"type": "object"}
        case Anything():
            return {}
        case Either():
            return {"anyOf": [_kind(kind.short, rule), _kind(kind.full, rule)]}
        case Text() | Credential() | Flag() | Number():
            return _single(kind)
        case _:
            assert_never(kind)


def _single(kind: Text | Credential | Flag | Number) -> Schema:
    match kind:
        case Text():
            return _text(kind)
        case Credential():
            return {"anyOf": [_text(Text(Form.HEADER)), {"$ref": "#/$defs/secretRef"}]}
        case Flag():
            return {"type": "boolean"}
        case Number():
            return _number(kind)
        case _:
            assert_never(kind)


def _text(kind: Text) -> Schema:
    if kind.choices:
        return {"anyOf": [{"enum": list(kind.choices)}, {"type": "string", "pattern": _VARIABLE}]}
    pattern = _PATTERNS.get(kind.form)
    return {"type": "string", "pattern": pattern} if pattern else {"type": "string"}


def _number(kind: Number) -> Schema:
    schema: Schema = {"type": "integer" if kind.whole else "number"}
    if kind.above is not None:
        schema["exclusiveMinimum"] = kind.above
    if kind.least is not None:
        schema["minimum"] = kind.least
    return schema


def _record(rule: Rule) -> Schema:
    properties = {name: _of(child) for name, child in rule.children.items() if name != INCLUDE}
    schema: Schema = {
        "type": "object",
        "properties": {INCLUDE: _INCLUDE_REF, **properties},
        "additionalProperties": False,
    }
    required = [name for name, child in rule.children.items() if child.key.is_required]
    if required:
        schema["anyOf"] = [{"required": required}, {"required": [INCLUDE]}]
    return schema
