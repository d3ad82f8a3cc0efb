"""Which providers the user has opted in to, with the endpoint, the credential and the declared models of each.

A provider is there when its environment variable is set, a stored profile exists, or the configuration has it; for
everything else nothing is ever sent to any port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fluffbuzz.config.values import Config, ModelRow, ProviderConfig
from fluffbuzz.core.credential import Credential, CredentialSource, Secret, choose
from fluffbuzz.core.endpoint import Endpoint
from fluffbuzz.core.models import Model, ModelRef, Window, WindowSource
from fluffbuzz.core.route import route_of
from fluffbuzz.providers import Provider, bundled_ids, find


@dataclass(frozen=True, slots=True)
class Service:
    """One provider that the user opted in to.

    Attributes:
        credential: the key to use, or None where the server is not known to want one.
        discovers: whether the server is asked for its models.
        declared: the models that the user configured.
        opted_in_by: the variable, profile or configuration that brought it here, for people.
        lacking: configured keys whose variables are not set, with the variables; such a service cannot be used.
    """

    provider: Provider
    endpoint: Endpoint
    credential: Credential | None
    discovers: bool
    declared: tuple[Model, ...] = ()
    opted_in_by: str = ""
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.provider.id


Profiles = Mapping[str, Sequence[Credential]]
"""Stored credentials by provider, in the order in which they are to be used."""


def services(config: Config, profiles: Profiles) -> tuple[Service, ...]:
    """Everything the user opted in to: the best-ranked provider first, then by configuration, then by name."""
    found = [_configured(entry, config, profiles) for entry in config.providers.values()]
    implied = (find(name) for name in bundled_ids() if name not in config.providers and config.may_discover(name))
    found += [service for provider in implied if (service := _implied(provider, config, profiles)) is not None]
    return tuple(sorted(found, key=lambda service: service.provider.rank))


def _implied(provider: Provider, config: Config, profiles: Profiles) -> Service | None:
    environment = _from_environment(provider, config.environment)
    credential = choose(profiles=profiles.get(provider.id, ()), environment=environment)
    if credential is None or not provider.base_url:
        return None
    endpoint = Endpoint(provider.id, provider.base_url, route_of(provider.base_url, provider.native_hosts))
    return Service(provider, endpoint, credential, discovers=True, opted_in_by=credential.detail)


def _configured(entry: ProviderConfig, config: Config, profiles: Profiles) -> Service:
    provider = find(entry.id)
    base_url = (entry.base_url or provider.base_url).rstrip("/")
    if "baseUrl" in entry.unavailable:  # it is told what is lacking before anything is sent
        base_url = provider.base_url
    route = route_of(base_url, provider.native_hosts)
    return Service(
        provider=provider,
        endpoint=Endpoint(provider.id, base_url, route, entry.headers, str(entry.ca_file or "")),
        credential=choose(
            configured=_from_config(entry, provider, config.environment),
            profiles=profiles.get(provider.id, ()),
            environment=_from_environment(provider, config.environment),
        ),
        discovers=config.may_discover(provider.id),
        declared=tuple(_declared(row, entry) for row in entry.rows),
        opted_in_by=f"models.providers.{entry.id}",
        lacking=entry.unavailable,
    )


def _from_environment(provider: Provider, env: Mapping[str, str]) -> Credential | None:
    name = next((name for name in provider.env_vars if env.get(name)), None)
    return None if name is None else Credential(Secret(env[name]), CredentialSource.ENVIRONMENT, name)


def _from_config(entry: ProviderConfig, provider: Provider, env: Mapping[str, str]) -> Credential | None:
    """The configured key; the bare name of the provider's own variable stands for that variable."""
    if entry.api_key is None:
        return None
    if entry.api_key.reveal() in provider.env_vars:
        return _from_environment(provider, env)
    return Credential(entry.api_key, CredentialSource.CONFIGURED, f"models.providers.{entry.id}.apiKey")


def _declared(row: ModelRow, entry: ProviderConfig) -> Model:
    sizes = [size for size in (row.context_tokens, row.context_window) if size is not None]
    return Model(
        ref=ModelRef(entry.id, row.id),
        name=row.name,
        window=Window(min(sizes), WindowSource.CONFIGURED) if sizes else None,
        max_tokens=row.max_tokens,
        input=row.input,
        reasoning=row.reasoning,
        cost=row.cost,
        compat=row.compat,
        params={**entry.params, **row.params},
        headers=row.headers,
        is_configured=True,
    )
