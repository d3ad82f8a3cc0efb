"""What is wrong with a configuration, as values: each mistake with its place, and the error that lists them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fluffbuzz.core.errors import ConfigError

Severity = Literal["error", "warning"]

CHECK_COMMAND = "fluffbuzz config validate"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, or one thing worth knowing, about a configuration file.

    Attributes:
        severity: an error keeps the configuration from being used, a warning does not.
        file: the file the mistake stands in, which may be an included one.
        line: counted from 1; 0 where the problem is the file as a whole.
        column: counted from 1 in characters; 0 where the problem is the file as a whole.
        key_path: the key in the form that `config get` takes; empty where there is none.
        message: what is wrong, without the place.
        expected: what would be right, where that can be said in a few words.
        suggestion: the nearest valid key or value.
    """

    severity: Severity
    file: Path
    line: int
    column: int
    key_path: str
    message: str
    expected: str = ""
    suggestion: str = ""

    @property
    def sentence(self) -> str:
        """The problem in words, without its place."""
        text = f"{self.key_path}: {self.message}" if self.key_path else self.message
        if self.expected:
            text += f"; expected {self.expected}"
        return f"{text}. Did you mean {self.suggestion}?" if self.suggestion else text

    def render(self) -> str:
        """One line: `file:line:column: what is wrong`, as editors and terminals make it clickable."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else f"{self.file}"
        mark = "warning: " if self.severity == "warning" else ""
        return f"{place}: {mark}{self.sentence}"


class InvalidConfig(ConfigError):
    """A configuration with mistakes; `problems` holds every one of them, warnings included."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        errors = self.errors
        count = "a mistake" if len(errors) == 1 else f"{len(errors)} mistakes"
        lines = "\n".join(f"  {problem.render()}" for problem in errors)
        super().__init__(
            f"The configuration has {count}:\n{lines}",
            f"Mend the file, then check it with: {CHECK_COMMAND}",
        )

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the configuration from being used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")
