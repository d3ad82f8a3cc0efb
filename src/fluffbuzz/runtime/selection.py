"""Which model answers: a reference the user gave, the configured default, or what the first provider serves.

A provider that is opted in but down is an error with its cause, never a quiet answer from another model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fluffbuzz.config.values import Config
from fluffbuzz.core.endpoint import Candidate
from fluffbuzz.core.errors import CredentialNeeded, FluffBuzzError, UnknownModel, UsageError
from fluffbuzz.core.models import Model, ModelRef
from fluffbuzz.ports import BackgroundModel
from fluffbuzz.providers import Provider, bundled_ids, find
from fluffbuzz.runtime.catalog import Catalog, Listing
from fluffbuzz.runtime.explanation import explain_discovery, failed_look
from fluffbuzz.runtime.services import Service

SHOWN = 10
"""Models that an error lists at the most."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Who answers, and what the user should know about that choice (one line, or empty)."""

    candidate: Candidate
    provider: Provider
    notice: str = ""


class Selector:
    """Turns a reference, or none, into a candidate."""

    def __init__(
        self, config: Config, services: Sequence[Service], catalog: Catalog, background: BackgroundModel
    ) -> None:
        self._config = config
        self._services = services
        self._catalog = catalog
        self._background = background

    async def select(self, wanted: str = "", *, refresh: bool = False) -> Selection:
        """The candidate for a reference; for an empty one the default.

        Raises:
            UnknownModel: the reference names nothing that is served or declared.
            CredentialNeeded: its provider is not opted in to.
            RequestFailed: the provider cannot be asked; the message says why.
        """
        text = self._text(wanted)
        return await (self._named(text, refresh=refresh) if text else self._default(refresh=refresh))

    def takes_background(self, wanted: str = "") -> bool:
        """Whether `select` would take the background model, which it would fetch and start."""
        text = self._text(wanted)
        ref = ModelRef.parse(text)
        if ref is None:
            return not (text or self._services)
        return self._service(ref.provider) is None and find(ref.provider).is_background_service

    def _text(self, wanted: str) -> str:
        """What names the model: what is wanted or the configured default, an alias as what it stands for."""
        default = self._config.default_model
        return self._without_alias(wanted or (default.primary if default and default.primary else ""))

    def _without_alias(self, text: str) -> str:
        entries = self._config.model_entries.items()
        return next((ref for ref, entry in entries if entry.alias and entry.alias == text), text)

    async def _named(self, text: str, *, refresh: bool) -> Selection:
        ref = ModelRef.parse(text)
        service = None if ref is None else self._service(ref.provider)
        if ref is not None and service is not None:
            self._check_allowed(ref)
            return await self._of_service(service, ref.model, refresh=refresh)
        if ref is not None and find(ref.provider).is_background_service:
            return await self._embedded_named(ref)
        return await self._by_id(text, ref, refresh=refresh)

    async def _by_id(self, text: str, ref: ModelRef | None, *, refresh: bool) -> Selection:
        """The model of exactly that id at whichever service has it; the first to say so is asked no further."""
        known = [service for service in self._services if self._catalog.known(service).find(text)]
        if known and not refresh:
            self._check_allowed(ModelRef(known[0].id, text))
            return await self._of_service(known[0], text, refresh=False)
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(self._catalog.listing(each, refresh=refresh)) for each in self._services]
            found = await _first_with(text, looks)
            for look in looks:
                look.cancel()
        if found is None:
            raise self._unknown(text, ref, [look.result() for look in looks])
        self._check_allowed(ModelRef(found.id, text))
        return await self._of_service(found, text, refresh=False)

    async def _of_service(self, service: Service, model: str, *, refresh: bool) -> Selection:
        _check_complete(service)
        listing = await self._catalog.listing(service, refresh=refresh)
        found = listing.find(model)
        if found is None and service.discovers and not refresh:
            listing = await self._catalog.asked_anew(service)
            found = listing.find(model)
        if found is None or (listing.is_stale and not found.is_configured):
            raise _missing(service, model, listing)
        return _selection(service, found)

    async def _default(self, *, refresh: bool) -> Selection:
        if not self._services:
            return await self._embedded()
        service = next((service for service in self._services if service.provider.picks_default), self._services[0])
        _check_complete(service)
        listing = await self._catalog.listing(service, refresh=refresh)
        if listing.is_stale or not listing.models:
            raise _unavailable(service, listing)
        if not service.provider.picks_default:
            example = f"{service.id}/{service.provider.example_model}"
            what = f"{service.provider.label} has many models and none is chosen."
            raise UsageError(what, f"Choose one: --model {example}, or: {_set_default(example)}")
        models = [model for model in listing.models if self._is_allowed(model.ref)] or listing.models
        chats = [model for model in models if model.is_chat] or list(models)
        if len(chats) == 1:
            return _selection(service, chats[0])
        first, other = chats[0].ref, chats[1].ref
        notice = (
            f"{service.provider.label} serves {len(chats)} models; using the first, {first}. "
            f"Choose with --model {other}, or for good: {_set_default(str(other))}"
        )
        return _selection(service, chats[0], notice)

    async def _embedded_named(self, ref: ModelRef) -> Selection:
        candidate = await self._background.candidate()
        if candidate.model.ref != ref:
            raise UnknownModel(f"There is no model {ref}.", _choices([str(candidate.model.ref)], 1))
        return Selection(candidate, find(ref.provider))

    async def _embedded(self) -> Selection:
        candidate = await self._background.candidate()
        first = min((find(name) for name in bundled_ids()), key=lambda provider: provider.rank)
        notice = (
            "No provider is set up, so the small embedded model answers. "
            f"For your own {first.label}: export {first.env_vars[0]}=anything"
        )
        return Selection(candidate, find(candidate.endpoint.provider), notice)

    def _check_allowed(self, ref: ModelRef) -> None:
        if not self._is_allowed(ref):
            what = f"Model {ref} is not among those that agents.defaults.models allows."
            raise UsageError(what, f'Add the key "{ref}" or "{ref.provider}/*" to it.')

    def _is_allowed(self, ref: ModelRef) -> bool:
        """Keep to `agents.defaults.models`: where it names models, others may not be chosen; the default always may."""
        entries = self._config.model_entries
        if all(entry.is_wildcard for entry in entries.values()):
            return True
        default = self._config.default_model
        chosen = self._without_alias(default.primary) if default and default.primary else ""
        return str(ref) in entries or f"{ref.provider}/*" in entries or str(ref) == chosen

    def _service(self, provider: str) -> Service | None:
        return next((service for service in self._services if service.id == provider), None)

    def _unknown(self, text: str, ref: ModelRef | None, listings: Sequence[Listing]) -> FluffBuzzError:
        if ref is not None and ref.provider in bundled_ids():
            provider = find(ref.provider)
            variable = next(iter(provider.env_vars), "")
            what = f"There is no model {text}: provider {provider.id} is not set up."
            return CredentialNeeded(what, f"Set {variable} to its key, or to anything if it wants none.")
        refs = [str(model.ref) for listing in listings for model in listing.models]
        problems = [
            str(explain_discovery(each.service, each.discovery))
            for each in listings
            if each.is_stale and each.discovery
        ]
        near = _nearest(text, refs, 3, cutoff=0.4) or refs
        what = f"There is no model {text}."
        return UnknownModel("\n".join([what, *problems]), _choices(near, len(refs)))


async def _first_with(model: str, looks: Sequence[asyncio.Task[Listing]]) -> Service | None:
    for look in asyncio.as_completed(looks):
        listing = await look
        if listing.find(model) and not listing.is_stale:
            return listing.service
    return None


def _selection(service: Service, model: Model, notice: str = "") -> Selection:
    return Selection(Candidate(model, service.endpoint, service.credential), service.provider, notice)


def _check_complete(service: Service) -> None:
    if service.lacking:
        key, variables = next(iter(service.lacking.items()))
        what = f"models.providers.{service.id}.{key} needs ${{{variables[0]}}}, which is not set."
        raise CredentialNeeded(what, f"Set it: export {variables[0]}=…")


def _unavailable(service: Service, listing: Listing) -> FluffBuzzError:
    if listing.discovery is None:
        what = f"models.providers.{service.id} declares no models, and an explicitly configured provider is not asked."
        return UnknownModel(what, f'Add rows to its models, or the key "{service.id}/*" to agents.defaults.models.')
    return failed_look(service, listing.discovery)


def _missing(service: Service, model: str, listing: Listing) -> FluffBuzzError:
    if listing.is_stale or not listing.models:
        return _unavailable(service, listing)
    refs = [str(found.ref) for found in listing.models]
    near = _nearest(f"{service.id}/{model}", refs, SHOWN)
    verb = "serves" if service.discovers else "is configured with"
    place = f"{service.provider.label} at {service.endpoint.base_url}"
    what = f"There is no model {model}: {place} {verb} {len(refs)} other(s)."
    return UnknownModel(what, _choices(near, len(refs)))


def _nearest(text: str, refs: Sequence[str], most: int, cutoff: float = 0.0) -> Sequence[str]:
    from difflib import get_close_matches  # only a mistake needs it

    return get_close_matches(text, refs, n=most, cutoff=cutoff)


def _choices(near: Sequence[str], total: int) -> str:
    """The nearest references, and how many others there are."""
    if not near:
        return "See: fluffbuzz models list"
    shown = near[:SHOWN]
    more = f" and {total - len(shown)} more (fluffbuzz models list)" if total > len(shown) else ""
    return "Choose from: " + ", ".join(shown) + more


def _set_default(ref: str) -> str:
    return f"fluffbuzz config set agents.defaults.model {ref}"
