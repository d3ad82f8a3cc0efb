"""Token counts as OpenAI-compatible servers report them: the one place that reads them."""

from __future__ import annotations

from fluffbuzz.core.usage import ServerUsage


def decode_usage(usage: object) -> ServerUsage | None:
    """The `usage` object of a chunk or reply; None where it is none or says nothing."""
    if type(usage) is not dict:
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    asked = _count(usage.get("input_tokens") if prompt is None else prompt)
    generated = _count(usage.get("output_tokens") if completion is None else completion)
    if asked is None and generated is None:
        return None
    cached, reasoning = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return ServerUsage(
        asked,
        generated,
        _count(cached.get("cached_tokens")) if type(cached) is dict else None,
        _count(reasoning.get("reasoning_tokens")) if type(reasoning) is dict else None,
    )


def decode_timings(timings: object) -> ServerUsage | None:
    """The `timings` object that stands in where a server sends no `usage`."""
    if not isinstance(timings, dict):
        return None
    fresh, cached, output = (_count(timings.get(key)) for key in ("prompt_n", "cache_n", "predicted_n"))
    if fresh is None or output is None:
        return None
    return ServerUsage(fresh + (cached or 0), output, cached)


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
