"""`${NAME}` in any text of the configuration, and the variables that the configuration itself provides.

A variable that is missing or empty is never replaced by nothing: the text keeps `${NAME}` visibly, and whoever needs
it is told which variable it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fluffbuzz.config.tree import Node, Object, Scalar

NAME = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_REFERENCE = re.compile(r"(\$?)\$\{([A-Z_][A-Z0-9_]*)\}", re.ASCII)
_SHORT = re.compile(r"\$([A-Z_][A-Z0-9_]*)", re.ASCII)
_ALMOST = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its variables put in, and the names of those that were missing."""

    text: str
    missing: tuple[str, ...] = ()


def fill(text: str, env: Mapping[str, str]) -> Filled:
    """Replace every `${NAME}`; `$${NAME}` stands for the text `${NAME}` itself."""
    if "${" not in text:
        return Filled(text)
    missing: list[str] = []

    def value(found: re.Match[str]) -> str:
        escape, name = found.groups()
        if escape:
            return f"${{{name}}}"
        if not env.get(name):
            missing.append(name)
            return found.group()
        return env[name]

    filled = _REFERENCE.sub(value, text)
    return Filled(filled, tuple(dict.fromkeys(missing)))


def spelled_out(secret: str) -> str:
    """A secret as written, its short form `$NAME` as `${NAME}`."""
    found = _SHORT.fullmatch(secret)
    return f"${{{found[1]}}}" if found else secret


def almost_variables(text: str) -> list[str]:
    """Names in `${…}` that are not replaced because they have small letters."""
    return [name for name in _ALMOST.findall(text) if not NAME.fullmatch(name)]


def is_reference(text: str) -> bool:
    """Whether a text is one variable and nothing else, and so gives no secret away."""
    found = _REFERENCE.fullmatch(text)
    return bool(found and not found[1])


def declared(root: Node) -> dict[str, str]:
    """The texts under `env.vars`, as they are written."""
    env = root.get("env") if isinstance(root, Object) else None
    values = env.get("vars") if isinstance(env, Object) else None
    members = values.members if isinstance(values, Object) else ()
    return {
        member.name: member.value.value
        for member in members
        if isinstance(member.value, Scalar) and isinstance(member.value.value, str)
    }


def provide(values: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """The environment, with what is missing or empty in it taken from `values`, which may refer to one another.

    A value that lacks a variable provides nothing.
    """
    provided = dict(env)
    waiting = {name: text for name, text in values.items() if not env.get(name)}
    while waiting:
        ready = {name: filled.text for name, text in waiting.items() if not (filled := fill(text, provided)).missing}
        if not ready:
            break
        provided |= ready
        waiting = {name: text for name, text in waiting.items() if name not in ready}
    return provided
