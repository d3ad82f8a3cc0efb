"""Token counts that say how they are known: exact from the server, estimated by us, or unknown.

A count is never silently 0: what nobody reported is `unknown`, and a sum over it stays a lower bound that says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never


class CountKind(StrEnum):
    """How a count is known, from best to worst."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


_RANK = {CountKind.EXACT: 0, CountKind.ESTIMATED: 1, CountKind.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class Count:
    """A number of tokens and how it is known; of an unknown one `tokens` is a lower bound."""

    tokens: int = 0
    kind: CountKind = CountKind.UNKNOWN

    def __add__(self, other: Count) -> Count:
        worse = self.kind if _RANK[self.kind] >= _RANK[other.kind] else other.kind
        return Count(self.tokens + other.tokens, worse)

    def __str__(self) -> str:
        match self.kind:
            case CountKind.EXACT:
                return f"{self.tokens:,}"
            case CountKind.ESTIMATED:
                return f"~{self.tokens:,}"
            case CountKind.UNKNOWN:
                return f"≥ {self.tokens:,}" if self.tokens else "unknown"
            case _:
                assert_never(self.kind)


UNKNOWN = Count()


def exact(tokens: int) -> Count:
    """A count that the server reported."""
    return Count(tokens, CountKind.EXACT)


def estimated(tokens: int) -> Count:
    """A count that we worked out ourselves."""
    return Count(tokens, CountKind.ESTIMATED)


@dataclass(frozen=True, slots=True)
class ServerUsage:
    """What one usage report of a server says, in tokens; None where it does not say.

    `input` is the whole prompt, `cached` the part of it that came from the server's prefix cache; `output` is
    everything generated, `reasoning` the part of it that was thinking. Source: a `usage` of `openai-completions`.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of a call, or of a sum of calls; `cached` is within `input`, `reasoning` within `output`."""

    input: Count = UNKNOWN
    output: Count = UNKNOWN
    cached: Count = UNKNOWN
    reasoning: Count = UNKNOWN

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
        )

    @property
    def context(self) -> Count:
        """How full the context is after this call: its prompt and its answer (of one call, never of a sum)."""
        return self.input + self.output


ZERO = Usage(exact(0), exact(0), exact(0), exact(0))


def total(usages: Iterable[Usage]) -> Usage:
    """The sum of some usages; of none, an exact zero."""
    return sum(usages, start=ZERO)


def settle(report: ServerUsage | None, *, thought: bool, is_final: bool) -> Usage:
    """The usage of a call, from the last report that its server sent.

    Args:
        report: the last report, or None where the server sent none.
        thought: whether thinking was received; a reported 0 is then not believed (servers are known to report 0
            for an answer that is all reasoning).
        is_final: whether the answer ran to its end. If not, what was generated is what was reported up to the
            last chunk received: the server may have generated a little more, so it counts as estimated.
    """
    if report is None:
        return Usage()
    generated = CountKind.EXACT if is_final else CountKind.ESTIMATED
    reasoning = None if thought and not report.reasoning else report.reasoning
    return Usage(
        _known(report.input),
        _known(report.output, generated),
        _known(report.cached),
        _known(reasoning, generated),
    )


def _known(tokens: int | None, kind: CountKind = CountKind.EXACT) -> Count:
    return UNKNOWN if tokens is None else Count(tokens, kind)
