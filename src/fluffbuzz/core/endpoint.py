"""Where a request goes and with what: an endpoint, a credential, and both with a model as a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fluffbuzz.core.credential import Credential, Secret
from fluffbuzz.core.models import Model
from fluffbuzz.core.route import Route


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One base URL of a provider.

    Attributes:
        provider: the provider's id.
        base_url: without a trailing slash, usually ending in `/v1`.
        route: what kind of endpoint it is.
        headers: configured headers; an `Authorization` among them replaces ours.
        ca_file: path of a PEM file with a private certificate authority, or empty.
    """

    provider: str
    base_url: str
    route: Route
    headers: Mapping[str, Secret] = field(default_factory=dict)
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who may answer: a model at an endpoint with a credential (None: the server wants none)."""

    model: Model
    endpoint: Endpoint
    credential: Credential | None = None


def secrets_of(endpoint: Endpoint, credential: Credential | None) -> tuple[Secret, ...]:
    """Everything secret that `headers_for` reveals."""
    return (*(() if credential is None else (credential.secret,)), *endpoint.headers.values())


def headers_for(endpoint: Endpoint, credential: Credential | None) -> dict[str, str]:
    """The headers that authorize a request, names in lower case: the key as bearer token, configured ones over it.

    Nothing in them tells which program asks.
    """
    bearer = {} if credential is None else {"authorization": f"Bearer {credential.secret.reveal()}"}
    return bearer | {name.lower(): secret.reveal() for name, secret in endpoint.headers.items()}
