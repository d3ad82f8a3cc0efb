"""A request as a value: what is asked of a model, in no particular dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from fluffbuzz.core.messages import Message


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens; only what the user set is ever sent. `max_tokens` limits the answer."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def over(self, other: Sampling) -> Sampling:
        """These values where they are set, the other's elsewhere."""
        unset = {f.name: getattr(other, f.name) for f in fields(self) if getattr(self, f.name) in (None, ())}
        return replace(self, **unset)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is its JSON Schema, `strict` asks for exact arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to answer.

    Attributes:
        messages: oldest first; a system message, if any, comes first.
        sampling: what the user set.
        tools: what the model may call.
        tool_choice: `auto`, `none`, `required`, a function's name, or empty for the server's default.
        takes_up: the last message is an unfinished answer of the assistant, to be continued where it stops.
        extra: further fields of the body, as the user wrote them; the route decides which of them are sent.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    takes_up: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


_SPELLINGS = {
    "temperature": "temperature",
    "topP": "top_p",
    "top_p": "top_p",
    "maxTokens": "max_tokens",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "frequencyPenalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "presencePenalty": "presence_penalty",
    "seed": "seed",
}


def sampling_of(params: Mapping[str, Any]) -> Sampling:
    """The sampling values among configured `params`, in either spelling."""
    values = {_SPELLINGS[key]: value for key, value in params.items() if key in _SPELLINGS}
    stop = params.get("stop") or ()
    return Sampling(**values, stop=(stop,) if isinstance(stop, str) else tuple(stop))


_PASSED_ON = {
    "response_format": "response_format",
    "responseFormat": "response_format",
    "parallel_tool_calls": "parallel_tool_calls",
    "chat_template_kwargs": "chat_template_kwargs",
    "chatTemplateKwargs": "chat_template_kwargs",
    "top_k": "top_k",
    "topK": "top_k",
    "min_p": "min_p",
    "minP": "min_p",
    "min_tokens": "min_tokens",
    "repetition_penalty": "repetition_penalty",
    "repetitionPenalty": "repetition_penalty",
    "logit_bias": "logit_bias",
}

KNOWN_PARAMS = frozenset({*_SPELLINGS, *_PASSED_ON, "stop", "extraBody", "extra_body"})
"""Every key of `params` that somebody reads; further fields of a request go into `extra_body`."""


def extra_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body fields among configured `params`: the known ones by name, then `extra_body` over them."""
    extra = {_PASSED_ON[key]: value for key, value in params.items() if key in _PASSED_ON and value is not None}
    for key in ("extraBody", "extra_body"):
        extra.update(params.get(key) or {})
    return extra
