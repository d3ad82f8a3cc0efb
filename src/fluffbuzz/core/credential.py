"""Credentials as values: secrets that never print themselves, and the one order in which they are chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Secret:
    """A string that shows itself as `***` everywhere but where it is revealed on purpose.

    No dataclass: what walks through the fields of those (`asdict`, a test that compares two) would come upon the text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the one place that puts it on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)


SHORTEST_HIDDEN = 8
"""Characters of a secret from which on it is looked for in foreign words; hiding `x` would leave nothing to read."""


def hide(secrets: Iterable[Secret], text: str) -> str:
    """Somebody else's words, such as a server's error that quotes the key, without these secrets."""
    values = [secret.reveal() for secret in secrets]
    tokens = [value.rpartition(" ")[2] for value in values]  # of `Bearer TOKEN`
    for part in sorted({*values, *tokens}, key=len, reverse=True):  # the longer first: one may begin with another
        if len(part) >= SHORTEST_HIDDEN:
            text = text.replace(part, "***")
    return text


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
