"""`config get`, `set` and `unset`: one setting read or changed, the rest of the file untouched.

Nothing is written that would not load, nothing over a change that somebody else made meanwhile, and nothing in part.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from fluffbuzz.config.files import Disk, Read, canonical, locked, reason, write
from fluffbuzz.config.guards import dropped, included_from
from fluffbuzz.config.keypath import parse as parse_path
from fluffbuzz.config.keypath import render
from fluffbuzz.config.loading import Merged, interpret, open_merged
from fluffbuzz.config.problems import CHECK_COMMAND, InvalidConfig, Problem
from fluffbuzz.config.redaction import is_in_secret, shown
from fluffbuzz.config.rules import nearest, rule_at, rules
from fluffbuzz.config.schema import Credential, Either, Text
from fluffbuzz.config.splice import set_value, unset_value
from fluffbuzz.config.syntax import parse as parse_text
from fluffbuzz.config.tree import KeyPath, Object, Scalar, Source, at, plain
from fluffbuzz.core.errors import ConfigError, UsageError

EMPTY = b"{\n}\n"

Edit = Callable[[Object], str]


@dataclass(frozen=True, slots=True)
class Change:
    """What a change did, or would have done: the file's text before and after."""

    path: Path
    key: str
    before: str
    after: str
    is_written: bool
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Editor:
    """One configuration file, to be read and changed key by key."""

    path: Path
    env: Mapping[str, str]
    bundled: Collection[str]
    disk: Disk = field(default_factory=Disk)

    def get(self, key: str = "") -> object:
        """The value of a key, or everything, as it is written (variables not put in), secrets hidden.

        Raises ConfigError where the key is not set.
        """
        path = parse_path(key) if key else ()
        merged = self._opened(self.disk.read)
        found = at(merged.whole, path) if merged else None
        if found is None:
            if not path:
                return {}
            raise not_set(path)
        return shown(found, rule_at(path), is_hidden=is_in_secret(path))

    def set(
        self, key: str, value: str, *, strict_json: bool = False, replace: bool = False, dry_run: bool = False
    ) -> Change:
        """Give a key a value: JSON5 where the text is that, else the text itself.

        `replace` allows that entries of a protected map are dropped. Raises ConfigError or UsageError.
        """
        path = parse_path(key)
        wanted = read_value(value, path, strict_json=strict_json)
        return self._change(path, lambda own: set_value(own, path, wanted), may_drop=replace, dry_run=dry_run)

    def unset(self, key: str, *, dry_run: bool = False) -> Change:
        """Remove a key. Raises ConfigError where it is not set."""
        path = parse_path(key)

        def remove(own: Object) -> str:
            if at(own, path) is None:
                raise not_set(path)
            return unset_value(own, path)

        return self._change(path, remove, may_drop=True, dry_run=dry_run)

    def _opened(self, read: Read) -> Merged | None:
        merged, problems = open_merged(self.path, self.env, read)
        if merged is None and problems:
            raise InvalidConfig(problems)
        return merged

    def _change(self, path: KeyPath, edit: Edit, *, may_drop: bool, dry_run: bool) -> Change:
        target = canonical(self.path)  # a symbolic link stays one; the file it names is replaced
        try:
            with nullcontext() if dry_run else locked(target):
                before = self._bytes()
                after, warnings = self._edited(EMPTY if before is None else before, path, edit, may_drop=may_drop)
                is_new = after.encode() != before
                if is_new and not dry_run:
                    self._write(target, before, after.encode())
        except OSError as error:
            raise self._unwritable(error) from error
        text = "" if before is None else before.decode()
        return Change(self.path, render(path), text, after, is_new and not dry_run, warnings)

    def _bytes(self) -> bytes | None:
        try:
            return self.disk.read(self.path)
        except FileNotFoundError:
            return None

    def _edited(self, before: bytes, path: KeyPath, edit: Edit, *, may_drop: bool) -> tuple[str, tuple[Problem, ...]]:
        """The new text, after everything that speaks against it."""
        old = self._opened(self._reading(before))
        assert old, "there is a text, so there is a tree"
        if others := included_from(old.whole, path, self.path):
            files = ", ".join(str(file) for file in others)
            raise ConfigError(f"{render(path)} was not changed, for it stands in an included file.", f"Edit {files}")
        after = edit(old.own)
        new, problems = open_merged(self.path, self.env, self._reading(after.encode()))
        if new:
            problems += interpret(new, self.path, self.env, self.bundled, "warning")[1]
        already = self._faults(old, before)
        errors = [
            found for found in problems if found.severity == "error" and (found.key_path, found.message) not in already
        ]
        if errors or new is None:
            raise self._refusal(path, errors or problems)
        lost = [] if may_drop else dropped(old.whole, new.whole, path)
        if lost:
            text = f"{render(path)} was not changed, for that would drop {', '.join(lost)}."
            raise ConfigError(text, "Set a deeper key, or drop them on purpose with --replace.")
        return after, tuple(problems)

    def _faults(self, merged: Merged, data: bytes) -> frozenset[tuple[str, str]]:
        """The mistakes that the file has already: an edit that mends one of two must not be refused for the other."""
        problems = open_merged(self.path, self.env, self._reading(data))[1]
        problems += interpret(merged, self.path, self.env, self.bundled, "warning")[1]
        return frozenset((found.key_path, found.message) for found in problems if found.severity == "error")

    def _reading(self, data: bytes) -> Read:
        """Reading in which the configuration file itself has these contents."""
        return lambda path: data if path == self.path else self.disk.read(path)

    def _refusal(self, path: KeyPath, errors: list[Problem]) -> ConfigError:
        count = "a mistake" if len(errors) == 1 else f"{len(errors)} mistakes"
        lines = "\n".join(f"  {found.sentence if found.file == self.path else found.render()}" for found in errors)
        return ConfigError(
            f"{render(path)} was not changed, for the configuration would have {count}:\n{lines}",
            f"For what the file has now: {CHECK_COMMAND}",
        )

    def _write(self, target: Path, before: bytes | None, after: bytes) -> None:
        if self._bytes() != before:
            raise ConfigError(
                f"{self.path} was not changed, for somebody else has changed it just now.", "Look at it, and try again."
            )
        write(target, after, self.disk)

    def _unwritable(self, error: OSError) -> ConfigError:
        step = "Make room on the disk." if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
        step = step or f"Look at the permissions of {self.path.parent}, or name another file in FLUFFBUZZ_CONFIG_PATH."
        return ConfigError(f"{self.path} was not changed: {reason(error)}.", step, detail=repr(error))


def read_value(text: str, path: KeyPath, *, strict_json: bool) -> object:
    """The value that somebody wrote on a command line for a key. Raises UsageError where it cannot be one."""
    if not is_utf8(text):
        raise UsageError(f"The value for {render(path)} is not UTF-8.", "Nothing was changed.")
    node, problems = parse_text(Source(Path("value"), text))
    if problems and (strict_json or node is not None or text.lstrip()[:1] in {"{", "["}):
        column, message = problems[0].column, problems[0].message
        raise UsageError(
            f"The value for {render(path)} is no JSON5: column {column}: {message}", "Nothing was changed."
        )
    if node is None:
        return text
    rule = rule_at(path)
    is_number = isinstance(node, Scalar) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if is_number and not strict_json and rule and isinstance(rule.kind, Text | Credential | Either):
        return text.strip()  # an id or a key may look like a number
    return plain(node)


def is_utf8(text: str) -> bool:
    """Whether a text from a command line can be written down: other bytes arrive as half characters."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def not_set(path: KeyPath) -> ConfigError:
    """The error for a key that is not in the file: with its default, or the key that was meant."""
    name, rule = render(path), rule_at(path)
    if rule:
        default = "" if rule.key.default is None else f"; what holds then is {json.dumps(rule.key.default)}"
        return ConfigError(f"{name} is not set{default}.", f"Set it with: fluffbuzz config set {name} VALUE")
    depth = next(depth for depth in range(len(path) - 1, -1, -1) if rule_at(path[:depth]))
    step, known = path[depth], rule_at(path[:depth]) or rules()
    near = nearest(step, known) if isinstance(step, str) else ""
    full = render((*path[:depth], near)) if near in known.children else near
    return ConfigError(f"There is no key {name}.", f"Did you mean {full}?" if full else "See: fluffbuzz config schema")
