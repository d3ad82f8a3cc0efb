"""Credentials as values: secrets that never print themselves, and the one order in which they are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Secret:
    """A string that shows itself as `***` everywhere but where it is revealed on purpose."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself, for the one place that puts it on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)


class CredentialSource(StrEnum):
    """Where a credential comes from, in the order in which they are asked."""

    PINNED = "pinned profile"
    CONFIGURED = "configuration"
    PROFILE = "profile"
    ENVIRONMENT = "environment"
    SERVICE = "our own service"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key to send as bearer token, with its source for people: `detail` names the variable, key path or profile."""

    secret: Secret
    source: CredentialSource
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.source} ({self.detail})" if self.detail else str(self.source)


def choose(
    pinned: Credential | None = None,
    configured: Credential | None = None,
    profiles: Sequence[Credential] = (),
    environment: Credential | None = None,
) -> Credential | None:
    """The credential to use, discovery and chat alike: pinned, configured, the first stored profile, environment."""
    return next((found for found in (pinned, configured, *profiles, environment) if found is not None), None)
