"""Numbers and results in one line each, the same on every surface."""

from __future__ import annotations

from datetime import datetime

from fluffbuzz.core.budget import share
from fluffbuzz.core.models import Model, Window, WindowSource
from fluffbuzz.core.session import Call
from fluffbuzz.core.usage import Count, CountKind, Usage

_WINDOW_SOURCES = {
    WindowSource.CONFIGURED: "configured",
    WindowSource.SERVER: "from the server",
    WindowSource.PARENT: "from its base model",
}


def tokens_line(usage: Usage) -> str:
    """`40 in (32 cached) · 8 out (5 thinking)`."""
    return (
        f"{usage.input} in{_within(usage.cached, 'cached')} · {usage.output} out{_within(usage.reasoning, 'thinking')}"
    )


def _within(count: Count, word: str) -> str:
    return "" if count.kind is CountKind.UNKNOWN or not count.tokens else f" ({count} {word})"


def context_line(context: Count, window: Window | None) -> str:
    """`1.2 % of 4,096`, or what is known of it."""
    if window is None:
        return f"context {context}, window unknown"
    if context.kind is CountKind.UNKNOWN:
        return f"context unknown of {window.tokens:,}"
    sign = "" if context.kind is CountKind.EXACT else "~"
    return f"{sign}{share(context, window.tokens):.1%} of {window.tokens:,}".replace("%", " %")


def speed_line(call: Call) -> str:
    """`first token 0.09 s · 92 tok/s`, as far as they were measured."""
    first = call.timings.first_token
    if first is None:
        return f"{call.timings.total:.2f} s"
    speed = tokens_per_second(call)
    return f"first token {first:.2f} s" + (f" · {speed:.0f} tok/s" if speed else "")


def tokens_per_second(call: Call) -> float | None:
    """Tokens generated per second after the first; None where that cannot be said."""
    first, count = call.timings.first_token, call.usage.output
    if first is None or count.kind is CountKind.UNKNOWN or count.tokens < 2 or call.timings.total <= first:
        return None
    return (count.tokens - 1) / (call.timings.total - first)


def window_text(window: Window | None) -> str:
    """`4,096 (from the server)`, or `unknown`."""
    return "unknown" if window is None else f"{window.tokens:,} ({_WINDOW_SOURCES[window.source]})"


def inputs_text(model: Model) -> str:
    """`text, image`, or `unknown` where nobody says."""
    return "unknown" if model.input is None else ", ".join(sorted(model.input, reverse=True))


def age_text(seconds: float) -> str:
    """`just now`, `42 s ago`, `5 min ago`, `3 h ago`, `2 days ago`."""
    for limit, unit, name in ((5, 0, ""), (120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name} ago" if unit else "just now"
    return f"{seconds / 86400:.0f} days ago"


def moment_text(at: float) -> str:
    """A Unix time as local date and time."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
