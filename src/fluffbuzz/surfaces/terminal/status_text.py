"""The status card: provider, model, endpoint, key source, tokens, context and session, one fact a line."""

from __future__ import annotations

from collections.abc import Iterable

from fluffbuzz.config.values import Config
from fluffbuzz.core.endpoint import Candidate
from fluffbuzz.runtime.catalog import Listing
from fluffbuzz.runtime.snapshot import Snapshot
from fluffbuzz.surfaces.terminal.listing_text import problem
from fluffbuzz.surfaces.terminal.plain import legible
from fluffbuzz.surfaces.terminal.wording import (
    age_text,
    context_line,
    moment_text,
    speed_line,
    tokens_line,
    window_text,
)


def status_lines(snapshot: Snapshot, now: float) -> Iterable[str]:
    """The lines of the card."""
    if snapshot.selection is not None:
        yield from _candidate_lines(snapshot.selection.candidate, snapshot.selection.provider.label)
    elif snapshot.problem is not None:
        yield f"model     none: {snapshot.problem}"
    else:
        yield f"model     {'' if snapshot.listings else 'none is set up; '}the small embedded model answers"
    for listing in snapshot.listings:
        yield from _listing_lines(listing, str(snapshot.problem or ""), now)
    for fact in snapshot.refused:
        yield f"refused   {fact.option} (seen {age_text(now - fact.at)}; left out for a day or until --refresh)"
    yield from _session_lines(snapshot)


def config_lines(config: Config) -> Iterable[str]:
    """Where the configuration is, if there is one, and whether anything in it is passed over."""
    if config.exists:
        count = len(config.warnings)
        warned = f" ({count} warning(s); see: fluffbuzz config validate)" if count else ""
        yield f"config    {config.path}{warned}"


def _listing_lines(listing: Listing, told: str, now: float) -> Iterable[str]:
    """When a service was asked, and what is wrong with it, unless that is told already."""
    service = listing.service
    if listing.discovery is not None and not service.lacking:
        age = age_text(now - listing.discovery.at)
        yield f"asked     {service.id} {service.endpoint.base_url}: {listing.discovery.outcome}, {age}"
    words = problem(listing, now)
    if words and not words.startswith(told.partition("\n")[0] or "\n"):
        yield f"problem   {words}"


def _candidate_lines(candidate: Candidate, label: str) -> Iterable[str]:
    route = candidate.endpoint.route
    nature = "native" if route.is_native else "proxy-style"
    yield f"provider  {candidate.endpoint.provider} ({label}, {nature}{', local' if route.is_local else ''})"
    yield f"model     {candidate.model.ref}"
    yield f"window    {window_text(candidate.model.window)}"
    yield f"endpoint  {candidate.endpoint.base_url}"
    yield f"key       {candidate.credential or 'none'}"


def _session_lines(snapshot: Snapshot) -> Iterable[str]:
    session = snapshot.session
    if session is None:
        yield "session   none yet"
        return
    window = snapshot.selection.candidate.model.window if snapshot.selection else None
    yield f"tokens    {tokens_line(snapshot.usage)}"
    if snapshot.last is not None:
        share = context_line(snapshot.context, window) if window else "window unknown"
        yield f"context   {snapshot.context} used, {share}"
        yield f"speed     {speed_line(snapshot.last)}"
    told = f"{session.id} “{session.title}”, {session.messages} messages, {moment_text(session.updated)}"
    yield f"session   {legible(told)}"
