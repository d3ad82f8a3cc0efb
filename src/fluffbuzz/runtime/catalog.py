"""The models of every service: declared ones, and those that servers were found to serve, with the age of the look.

Each service is looked at by itself and at the same time as the others: a dead or slow one delays nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fluffbuzz.core.discovery import Discovery, ServedModel
from fluffbuzz.core.models import InputKind, Model, ModelRef, Window, WindowSource
from fluffbuzz.ports import CatalogStore, Clock, Transport
from fluffbuzz.runtime.discovery import discover
from fluffbuzz.runtime.recollection import IMAGES, Recollection
from fluffbuzz.runtime.services import Service

FRESH_FOR = 15.0
"""Seconds for which a stored look that found models is used without asking again: no server changes models faster."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of one service's models.

    Attributes:
        models: declared ones first, then found ones in the server's order.
        discovery: the newest look, or None where the service is not looked at.
        found_at: when the found models were seen (Unix seconds); older than the look where that one failed.
    """

    service: Service
    models: tuple[Model, ...]
    discovery: Discovery | None = None
    found_at: float | None = None

    @property
    def is_stale(self) -> bool:
        """Whether the newest look failed, so that the models are those of an earlier one."""
        return self.discovery is not None and not self.discovery.is_answer

    def find(self, model: str) -> Model | None:
        """The model of exactly that id."""
        return next((found for found in self.models if found.ref.model == model), None)


class Catalog:
    """Looks services up, remembers what was found, and asks again when that is old or a caller insists."""

    def __init__(self, transport: Transport, memory: CatalogStore, clock: Clock) -> None:
        self._transport = transport
        self._memory = Recollection(memory)
        self._clock = clock

    async def listings(self, services: Iterable[Service], *, refresh: bool = False) -> Sequence[Listing]:
        """All services side by side, in the order given."""
        return await asyncio.gather(*(self.listing(service, refresh=refresh) for service in services))

    async def listing(self, service: Service, *, refresh: bool = False) -> Listing:
        """One service's models; `refresh` asks the server in any case, and forgets what it was seen to refuse."""
        if refresh:
            self._memory.forget_options(service.endpoint.base_url)
        return await self._listing(service, None if refresh else self._fresh(service))

    async def asked_anew(self, service: Service) -> Listing:
        """One service's models as the server tells them now; what it was seen to refuse stays remembered."""
        return await self._listing(service, None)

    async def _listing(self, service: Service, fresh: Discovery | None) -> Listing:
        if not service.discovers or service.lacking:
            return Listing(service, tuple(self._with_learned(model, service) for model in service.declared))
        discovery = fresh or await self._look(service)
        found = discovery if discovery.is_answer else self._last_found(service)
        models = _merged(service, found.models if found else ())
        return Listing(
            service,
            tuple(self._with_learned(model, service) for model in models),
            discovery,
            found.at if found else None,
        )

    def known(self, service: Service) -> Listing:
        """What is stored about a service, without asking anybody."""
        discovery = self._memory.last_discovery(service.id, service.endpoint.base_url) if service.discovers else None
        found = self._last_found(service) if service.discovers else None
        models = _merged(service, found.models if found else ())
        return Listing(service, models, discovery, found.at if found else None)

    def _fresh(self, service: Service) -> Discovery | None:
        stored = self._memory.last_discovery(service.id, service.endpoint.base_url)
        if stored is None or not stored.models or not 0 <= self._clock.now() - stored.at <= FRESH_FOR:
            return None
        return stored

    async def _look(self, service: Service) -> Discovery:
        discovery = await discover(service, self._transport, self._clock)
        self._memory.save_discovery(service.id, discovery)
        return discovery

    def _last_found(self, service: Service) -> Discovery | None:
        return self._memory.last_found(service.id, service.endpoint.base_url)

    def _with_learned(self, model: Model, service: Service) -> Model:
        """A model that refused an image within the last day reads text only, unless the user says otherwise."""
        if model.input is not None:
            return model
        lately = self._memory.refused_lately(service.endpoint.base_url, model.ref.model, self._clock.now())
        refused = any(fact.option == IMAGES for fact in lately)
        return replace(model, input=frozenset({InputKind.TEXT})) if refused else model


def _merged(service: Service, served: Iterable[ServedModel]) -> tuple[Model, ...]:
    """Declared models, gaps filled from the server's rows, then the rows that nobody declared."""
    found = {row.id: _model(row, service) for row in served}
    declared = tuple(_filled(model, found.pop(model.ref.model, None)) for model in service.declared)
    return (*declared, *found.values())


def _model(row: ServedModel, service: Service) -> Model:
    source = WindowSource.PARENT if row.is_window_inherited else WindowSource.SERVER
    return Model(
        ref=ModelRef(service.id, row.id),
        name=row.id,
        window=None if row.window is None else Window(row.window, source),
        is_chat=row.is_chat,
        parent=row.parent,
    )


def _filled(declared: Model, found: Model | None) -> Model:
    if found is None:
        return declared
    return replace(declared, window=declared.window or found.window, parent=found.parent)
