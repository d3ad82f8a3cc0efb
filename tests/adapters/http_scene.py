"""What the tests of the HTTP transport have in common: a request with a key, and what becomes of it."""

from __future__ import annotations

import pytest

from fluffbuzz.adapters.http import HttpTransport
from fluffbuzz.core.deadlines import Deadlines
from fluffbuzz.core.failure import Failure
from fluffbuzz.ports import HttpRequest, TransportFault
from fluffbuzz.runtime.exchange import read_bounded

PATIENT = Deadlines(connect=10.0, first_token=10.0, idle=10.0)
KEY = {"authorization": "Bearer s3cret"}


def get(url: str, **more: str) -> HttpRequest:
    return HttpRequest("GET", url, KEY, **more)


async def fetch(transport: HttpTransport, request: HttpRequest, deadlines: Deadlines = PATIENT) -> bytes:
    async with transport.open(request, deadlines) as answer:
        return await read_bounded(answer, 1_000_000)


async def failure_of(transport: HttpTransport, request: HttpRequest, deadlines: Deadlines = PATIENT) -> Failure:
    with pytest.raises(TransportFault) as caught:
        await fetch(transport, request, deadlines)
    assert "s3cret" not in str(caught.value)
    return caught.value.failure
