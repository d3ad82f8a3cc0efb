"""`fluffbuzz config`: read, change and check the configuration file from the command line.

Errors are raised as they are (`FluffBuzzError`); the program's entry says them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluffbuzz.config.places import config_path, home_dir
from fluffbuzz.config.problems import Problem
from fluffbuzz.providers import bundled_ids

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from fluffbuzz.config.editing import Change, Editor


def _environment() -> Mapping[str, str]:
    """The environment that the program was composed with, else that of the process."""
    obj = click.get_current_context().obj
    return obj if isinstance(obj, Mapping) else os.environ


def _path() -> Path:
    env = _environment()
    return config_path(env, home_dir(env))


def _editor() -> Editor:
    from fluffbuzz.config.editing import Editor  # only the commands that need it pay for it

    return Editor(_path(), _environment(), bundled_ids())


def _known_keys(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The keys that have a fixed name, for completion."""
    from click.shell_completion import CompletionItem

    from fluffbuzz.config.keys import TABLE
    from fluffbuzz.config.schema import Standing

    fixed = (key for key in TABLE if key.standing is Standing.BUILT and not {"*", "["} & set(key.path))
    return [CompletionItem(key.path, help=key.doc) for key in fixed if key.path.startswith(incomplete)]


@click.group("config", short_help="Read, change and check the configuration file.")
def config() -> None:
    """Read, change and check the configuration file.

    KEY is a path such as models.providers.here.baseUrl or models.providers.here.models[0].id; a key that has dots in it
    stands in brackets: agents.defaults.models[here/org/name-1.5].alias
    """


@config.command("get")
@click.argument("key", default="", shell_complete=_known_keys)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, also for text.")
def get_(key: str, *, as_json: bool) -> None:
    """Print the value of KEY, or everything, as it is written; secrets are shown as ***."""
    value = _editor().get(key)
    is_text = isinstance(value, str) and not as_json
    click.echo(value if is_text else json.dumps(value, indent=2, ensure_ascii=False))


@config.command("set")
@click.argument("key", shell_complete=_known_keys)
@click.argument("value")
@click.option("--strict-json", is_flag=True, help="Refuse a VALUE that is no JSON5 instead of taking it as text.")
@click.option("--replace", is_flag=True, help="Allow to drop entries: providers, models, variables.")
@click.option("--dry-run", is_flag=True, help="Check, and write nothing.")
def set_(key: str, value: str, *, strict_json: bool, replace: bool, dry_run: bool) -> None:
    """Give KEY a VALUE: JSON5, or text. With - as VALUE it is read from standard input, as a secret should be."""
    if value == "-":
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    _report(_editor().set(key, value, strict_json=strict_json, replace=replace, dry_run=dry_run), "set")


@config.command("unset")
@click.argument("key", shell_complete=_known_keys)
@click.option("--dry-run", is_flag=True, help="Check, and write nothing.")
def unset_(key: str, *, dry_run: bool) -> None:
    """Remove KEY from the file."""
    _report(_editor().unset(key, dry_run=dry_run), "removed")


def _report(change: Change, done: str) -> None:
    for warning in change.warnings:
        click.echo(warning.render(), err=True)
    if change.before == change.after:
        click.echo(f"{change.key} has that value already.")
    elif change.is_written:
        click.echo(f"{change.key} {done} in {change.path}")
    else:
        click.echo(f"{change.key} would be {done} in {change.path}")


@config.command("validate")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def validate_(context: click.Context, *, as_json: bool) -> None:
    """Check the file. Exits with 1 if anything in it, or a variable it needs, is wrong."""
    from fluffbuzz.config.loading import validate  # only the commands that need it pay for it

    path = _path()
    problems = validate(path, _environment(), bundled_ids())
    is_valid = all(problem.severity != "error" for problem in problems)
    if as_json:
        report = {"ok": is_valid, "path": str(path), "problems": [_as_json(problem) for problem in problems]}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(problem.render())
        click.echo(_verdict(path, problems))
    context.exit(0 if is_valid else 1)


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "severity": problem.severity,
        "file": str(problem.file),
        "line": problem.line or None,
        "column": problem.column or None,
        "keyPath": problem.key_path,
        "message": problem.message,
        "expected": problem.expected or None,
        "suggestion": problem.suggestion or None,
    }


def _verdict(path: Path, problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if errors:
        return f"{path} cannot be used: {errors} {'mistake' if errors == 1 else 'mistakes'}."
    if not path.exists():
        return f"{path} does not exist; everything has its default."
    noted = f", with {warnings} {'warning' if warnings == 1 else 'warnings'}" if warnings else ""
    return f"{path} is valid{noted}."


@config.command("schema")
def schema_() -> None:
    """Print the JSON Schema of the file, for editors."""
    from fluffbuzz.config.json_schema import json_schema  # only the commands that need it pay for it

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@config.command("file")
def file_() -> None:
    """Print the path of the file."""
    click.echo(_path())
