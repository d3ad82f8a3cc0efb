"""What a provider is: constants about who hosts models, and what its servers understand and say."""

from __future__ import annotations

from dataclasses import dataclass, field

from fluffbuzz.core.failure import Wording
from fluffbuzz.wire.openai_chat_request import Extras


@dataclass(frozen=True, slots=True)
class Provider:
    """Facts about one provider; behaviour lives elsewhere and asks these.

    Attributes:
        id: what stands before the first slash of a model reference.
        label: what people call it.
        base_url: the default endpoint, or empty where one must be configured.
        env_vars: variables that opt in and hold the key; the first one set counts.
        native_hosts: hosts that understand everything OpenAI's own API understands.
        extras: what its servers understand beyond the dialect.
        picks_default: whether FluffBuzz may choose one of its models by itself (not where answers cost money).
        rank: lower ones are asked first for a default model.
        is_background_service: whether FluffBuzz itself starts and stops the server.
        start_command: how its server is started, for advice.
        example_model: a model id to show in advice.
        wordings: sentences of its servers, with the advice to give.
    """

    id: str
    label: str
    base_url: str = ""
    env_vars: tuple[str, ...] = ()
    native_hosts: tuple[str, ...] = ()
    extras: Extras = field(default_factory=Extras)
    picks_default: bool = True
    rank: int = 100
    is_background_service: bool = False
    start_command: str = ""
    example_model: str = "org/name"
    wordings: tuple[Wording, ...] = ()


def custom(provider: str) -> Provider:
    """A provider that only the user's configuration knows."""
    return Provider(id=provider, label=provider)
