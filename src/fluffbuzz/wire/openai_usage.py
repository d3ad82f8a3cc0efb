"""Token counts as OpenAI-compatible servers report them: the one place that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluffbuzz.core.usage import ServerUsage


def decode_usage(usage: object) -> ServerUsage | None:
    """The `usage` object of a chunk or reply; None where it is none or says nothing."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    report = ServerUsage(
        _count(prompt if prompt is not None else usage.get("input_tokens")),
        _count(completion if completion is not None else usage.get("output_tokens")),
        _detail(usage, "prompt_tokens_details", "cached_tokens"),
        _detail(usage, "completion_tokens_details", "reasoning_tokens"),
    )
    return None if report.input is None and report.output is None else report


def decode_timings(timings: object) -> ServerUsage | None:
    """The `timings` object that stands in where a server sends no `usage`."""
    if not isinstance(timings, dict):
        return None
    fresh, cached, output = (_count(timings.get(key)) for key in ("prompt_n", "cache_n", "predicted_n"))
    if fresh is None or output is None:
        return None
    return ServerUsage(fresh + (cached or 0), output, cached)


def _detail(usage: Mapping[str, Any], group: str, key: str) -> int | None:
    details = usage.get(group)
    return _count(details.get(key)) if type(details) is dict else None


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
