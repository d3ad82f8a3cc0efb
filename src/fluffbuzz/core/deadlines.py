"""How long a request may wait for what: one value per request, worked out from where the endpoint is.

Slow prefill is normal on one's own machine, so the first token may take long there; a server that does not even accept
a connection is given up within seconds everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Limits in seconds: to connect, to the first byte of the answer, between bytes, in all (None: no limit)."""

    connect: float
    first_token: float
    idle: float
    total: float | None = None


DISCOVERY = Deadlines(connect=5.0, first_token=5.0, idle=5.0, total=5.0)
"""A look at a server's models: five seconds in all."""

_LOCAL = Deadlines(connect=5.0, first_token=1800.0, idle=300.0)
_REMOTE = Deadlines(connect=10.0, first_token=300.0, idle=120.0)


def deadlines_for(*, is_local: bool) -> Deadlines:
    """The limits of an answer from an endpoint of that locality."""
    return _LOCAL if is_local else _REMOTE
