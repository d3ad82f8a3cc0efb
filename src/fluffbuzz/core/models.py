"""Models as data: how they are referred to, and what is known of each and from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from fluffbuzz.core.credential import Secret


@dataclass(frozen=True, slots=True, order=True)
class ModelRef:
    """`provider/model`, split at the first slash: `here/org/name` is model `org/name` of provider `here`."""

    provider: str
    model: str

    @classmethod
    def parse(cls, text: str) -> ModelRef | None:
        """Read a reference; provider ids are lower-cased, model ids keep their case. None where there is no slash."""
        provider, slash, model = text.strip().partition("/")
        if not (provider and slash and model):
            return None
        return cls(provider.lower(), model)

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class WindowSource(StrEnum):
    """Where a window's size is known from."""

    CONFIGURED = "configured"
    SERVER = "server"
    PARENT = "parent"


@dataclass(frozen=True, slots=True)
class Window:
    """How many tokens prompt and answer may have together, and who says so."""

    tokens: int
    source: WindowSource


class InputKind(StrEnum):
    """What a model can be shown."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Cost:
    """Prices in US dollars per million tokens."""

    input: float = 0.0
    output: float = 0.0
    cache_read: float = 0.0
    cache_write: float = 0.0


@dataclass(frozen=True, slots=True)
class Compat:
    """Named deviations of an endpoint or model; None means: as its route would have it."""

    supports_store: bool | None = None
    supports_prompt_cache_key: bool | None = None
    supports_developer_role: bool | None = None
    supports_reasoning_effort: bool | None = None
    supports_strict_mode: bool | None = None
    supports_temperature: bool | None = None
    supports_tools: bool | None = None
    supports_usage_in_streaming: bool | None = None
    requires_string_content: bool | None = None
    strict_message_keys: bool | None = None
    max_tokens_field: str | None = None

    @classmethod
    def from_config(cls, flags: Mapping[str, Any]) -> Compat:
        """From the camelCase flags of a configured row; flags that nothing here acts on are left out."""
        known = {_camel(f.name): f.name for f in fields(cls)}
        return cls(**{known[key]: value for key, value in flags.items() if key in known})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one provider.

    Attributes:
        ref: how it is chosen.
        name: what people call it.
        window: tokens for prompt and answer together; None where nobody says.
        max_tokens: a limit of the answer that the user configured, in tokens.
        input: what it can be shown; None where unknown (then an image is tried and a refusal learnt).
        reasoning: whether it thinks; None where unknown.
        is_chat: False where the server's row is clearly no chat model (embedding, reranker, speech …).
        is_configured: whether the user declared it.
        parent: the model that this one adapts (LoRA), or empty.
    """

    ref: ModelRef
    name: str
    window: Window | None = None
    max_tokens: int | None = None
    input: frozenset[InputKind] | None = None
    reasoning: bool | None = None
    cost: Cost = Cost()
    compat: Compat = Compat()
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Secret] = field(default_factory=dict)
    is_chat: bool = True
    is_configured: bool = False
    parent: str = ""
