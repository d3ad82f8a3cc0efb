"""A look at what a server serves: one bounded request, and a typed result whatever happens."""

from __future__ import annotations

from dataclasses import replace

from fluffbuzz.core.credential import hide
from fluffbuzz.core.deadlines import DISCOVERY
from fluffbuzz.core.discovery import Discovery, Outcome
from fluffbuzz.core.endpoint import headers_for, secrets_of
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.ports import Clock, HttpRequest, Transport, TransportFault
from fluffbuzz.runtime.exchange import read_bounded
from fluffbuzz.runtime.services import Service
from fluffbuzz.wire.openai_errors import decode_error
from fluffbuzz.wire.openai_models import NotAModelList, decode_models

MAX_BODY = 16 * 1024 * 1024
"""Bytes of a model list that are read."""

_OUTCOMES = {
    FailureKind.REFUSED: Outcome.REFUSED,
    FailureKind.NAME_NOT_FOUND: Outcome.NAME_NOT_FOUND,
    FailureKind.CONNECT_TIMEOUT: Outcome.TIMED_OUT,
    FailureKind.TIMEOUT: Outcome.TIMED_OUT,
    FailureKind.TLS: Outcome.TLS,
    FailureKind.PROTOCOL: Outcome.NOT_JSON,
}

_STATUSES = {401: Outcome.UNAUTHORIZED, 403: Outcome.UNAUTHORIZED, 404: Outcome.NOT_FOUND, 405: Outcome.NOT_FOUND}


async def discover(service: Service, transport: Transport, clock: Clock) -> Discovery:
    """Ask a service for its models, within five seconds in all; never raises for what a server or network does."""
    found = await _look(service, transport, clock)
    return replace(found, detail=hide(secrets_of(service.endpoint, service.credential), found.detail))


async def _look(service: Service, transport: Transport, clock: Clock) -> Discovery:
    base_url = service.endpoint.base_url
    headers = {"accept": "application/json"} | headers_for(service.endpoint, service.credential)
    request = HttpRequest("GET", f"{base_url}/models", headers, ca_file=service.endpoint.ca_file)
    try:
        async with transport.open(request, DISCOVERY) as response:
            status, told = response.status, response.headers
            body = await read_bounded(response, MAX_BODY)
    except TransportFault as fault:
        return _from_failure(fault.failure, base_url, clock.now())
    if status != 200:
        evidence = decode_error(status, told, body)
        outcome = _STATUSES.get(status, Outcome.HTTP_STATUS)
        return Discovery(outcome, base_url, clock.now(), status=status, detail=evidence.message)
    try:
        models = decode_models(body)
    except NotAModelList as fault:
        begins = hide(secrets_of(service.endpoint, service.credential), body[:1000].decode("utf-8", "replace"))[:80]
        words = f"{fault}: {begins!r}"
        return Discovery(Outcome.NOT_JSON, base_url, clock.now(), status=status, detail=words)
    return Discovery(Outcome.FOUND if models else Outcome.EMPTY, base_url, clock.now(), models, status)


def _from_failure(failure: Failure, base_url: str, now: float) -> Discovery:
    outcome = _OUTCOMES.get(failure.kind, Outcome.UNREACHABLE)
    return Discovery(outcome, base_url, now, status=failure.status, detail=failure.message)
