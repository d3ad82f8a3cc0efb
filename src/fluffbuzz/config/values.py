"""The configuration as the rest of the program sees it: frozen, typed, free of JSON5 and of mistakes.

`None` means: not configured, so somebody else decides (the server, the provider's defaults). A text whose variable is
missing stays literally visible, and `ProviderConfig.unavailable` says so to whoever needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fluffbuzz.config.problems import Problem
from fluffbuzz.core.credential import Secret
from fluffbuzz.core.models import Compat, Cost, InputKind

WILDCARD = "/*"


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model that the user declared.

    Attributes:
        id: as the server knows it; a model reference is the provider's id, a slash, and this.
        name: what it is called in lists.
        context_window: tokens for prompt and answer together.
        context_tokens: use at most so many of them.
        max_tokens: limit of an answer, in tokens; the row's own, else its provider's.
    """

    id: str
    name: str
    reasoning: bool | None = None
    input: frozenset[InputKind] | None = None
    cost: Cost = field(default_factory=Cost)
    context_window: int | None = None
    context_tokens: int | None = None
    max_tokens: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Secret] = field(default_factory=dict)
    compat: Compat = field(default_factory=Compat)


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """How one provider is reached, as configured.

    Attributes:
        base_url: without slashes at its end; None: the provider's own.
        api_key: None where none is configured.
        ca_file: an absolute path.
        declares_models: whether `models` is set, be it to an empty list.
        unavailable: key (`baseUrl`, `apiKey`, `headers.NAME`, `models[0].…`) to the variables that it lacks.
    """

    id: str
    base_url: str | None = None
    api_key: Secret | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int | None = None
    ca_file: Path | None = None
    rows: tuple[ModelRow, ...] = ()
    declares_models: bool = False
    unavailable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """What the user said of one model reference, or of all models of a provider (`provider/*`)."""

    ref: str
    alias: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every model of its provider."""
        return self.ref.endswith(WILDCARD)


@dataclass(frozen=True, slots=True)
class DefaultModel:
    """Which model answers where none is named: a reference or an alias, and what to take when it fails."""

    primary: str | None = None
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """The conversation on the terminal."""

    history: bool = True


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """What is kept."""

    save: bool = True


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """The small model that runs where nothing else is configured."""

    enabled: bool = True
    idle_minutes: float = 10.0


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration, ready for use.

    Attributes:
        path: where it is, or would be.
        exists: whether the file does.
        mode: `replace` means that only what is configured exists.
        model_entries: by model reference; where not empty, nothing else may be chosen.
        environment: the process environment, with what is missing in it taken from `env.vars`.
        files: every file it was read from.
    """

    path: Path
    exists: bool = False
    mode: Literal["merge", "replace"] = "merge"
    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    default_model: DefaultModel | None = None
    model_entries: Mapping[str, ModelEntry] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    chat: ChatSettings = ChatSettings()
    storage: StorageSettings = StorageSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    warnings: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()

    def may_discover(self, provider: str) -> bool:
        """Whether the models of a provider may be asked of its server, rather than taken from the rows alone."""
        if self.mode == "replace":
            return False
        return provider not in self.providers or f"{provider}{WILDCARD}" in self.model_entries
