"""Loading: one file with all it includes, checked in every way at once: a `Config`, or the list of its mistakes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fluffbuzz.config.files import Read, canonical, read, reason, unreadable
from fluffbuzz.config.places import INCLUDE_ROOTS_VARIABLE
from fluffbuzz.config.problems import InvalidConfig, Problem, Severity
from fluffbuzz.config.values import Config

if TYPE_CHECKING:
    from fluffbuzz.config.tree import Object


@dataclass(frozen=True, slots=True)
class Merged:
    """A configuration as written: the file's own tree, and the one with everything included."""

    own: Object
    whole: Object
    files: tuple[Path, ...]


def load(
    path: Path,
    env: Mapping[str, str],
    bundled: Collection[str],
    read: Read = read,
    missing_variable: Severity = "warning",
) -> Config:
    """Read the configuration.

    A missing file is an empty configuration. `bundled` are the ids of the providers that FluffBuzz knows by itself;
    with `missing_variable="error"` a `${NAME}` that the environment has not set counts as a mistake.

    Raises InvalidConfig with every mistake.
    """
    merged, problems = open_merged(path, env, read)
    if merged is None:
        if problems:
            raise InvalidConfig(problems)
        return Config(path, environment=dict(env))
    config, found = interpret(merged, path, env, bundled, missing_variable)
    problems += found
    if config is None or any(problem.severity == "error" for problem in problems):
        raise InvalidConfig(_ordered(problems, merged.files))
    return replace(config, warnings=_ordered(problems, merged.files), files=merged.files)


def validate(path: Path, env: Mapping[str, str], bundled: Collection[str], read: Read = read) -> tuple[Problem, ...]:
    """Everything that is wrong with a configuration, missing variables and certificate files included."""
    try:
        config = load(path, env, bundled, read, missing_variable="error")
    except InvalidConfig as invalid:
        return invalid.problems
    return (*config.warnings, *_unreadable_authorities(config, read))


def _unreadable_authorities(config: Config, read: Read) -> Iterator[Problem]:
    for provider in config.providers.values():
        if provider.ca_file is None:
            continue
        try:
            read(provider.ca_file)
        except OSError as error:
            key = f"models.providers.{provider.id}.request.tls.ca"
            yield Problem("error", config.path, 0, 0, key, f"{provider.ca_file} cannot be read: {reason(error)}")


def open_merged(path: Path, env: Mapping[str, str], read: Read = read) -> tuple[Merged | None, list[Problem]]:
    """The tree of a configuration with its includes; nothing and no problem where there is no file."""
    try:
        data = read(path)
    except FileNotFoundError:
        return None, []
    except OSError as error:
        return None, [unreadable(path, error)]
    from fluffbuzz.config.includes import Includer  # only a file that is there has to be parsed
    from fluffbuzz.config.sources import parse_file
    from fluffbuzz.config.tree import Object

    own, problems = parse_file(path, data)
    if own is None:
        return None, problems
    includer = Includer(read, _roots(path, env), problems)
    whole = includer.expand(own, (canonical(path),))
    if not isinstance(own, Object) or not isinstance(whole, Object):
        line, column = own.source.position(own.start)
        includer.problems.append(Problem("error", path, line, column, "", "a configuration is an object: { … }"))
        return None, includer.problems
    return Merged(own, whole, (path, *dict.fromkeys(includer.files))), includer.problems


def _roots(path: Path, env: Mapping[str, str]) -> tuple[Path, ...]:
    """The directories that included files may be in."""
    allowed = env.get(INCLUDE_ROOTS_VARIABLE, "").split(os.pathsep)
    return tuple(canonical(directory) for directory in (path.parent, *(Path(text) for text in allowed if text)))


def interpret(
    merged: Merged, path: Path, env: Mapping[str, str], bundled: Collection[str], missing_variable: Severity
) -> tuple[Config | None, list[Problem]]:
    """What a merged tree means, and what is wrong with it."""
    from fluffbuzz.config.building import build  # only a file that exists has to be understood
    from fluffbuzz.config.checking import Checker
    from fluffbuzz.config.consistency import Consistency
    from fluffbuzz.config.rules import rules
    from fluffbuzz.config.tree import Object
    from fluffbuzz.config.variables import declared, provide

    environment = provide(declared(merged.whole), env)
    checker = Checker(environment, missing_variable)
    used = checker.check(merged.whole, rules())
    problems = checker.problems + Consistency(used, bundled).check()
    if any(problem.severity == "error" for problem in problems) or not isinstance(used, Object):
        return None, problems
    return build(used, path, environment), problems


def _ordered(problems: list[Problem], files: tuple[Path, ...]) -> tuple[Problem, ...]:
    """Problems in the order in which somebody mending the files meets them."""
    order = {file: index for index, file in enumerate(files)}
    return tuple(sorted(problems, key=lambda found: (order.get(found.file, len(order)), found.line, found.column)))
