"""`fluffbuzz status`: who would answer, with which key, and how the latest conversation stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fluffbuzz.core.errors import UsageError
from fluffbuzz.surfaces.cli.here import here, run

if TYPE_CHECKING:
    from fluffbuzz.runtime.snapshot import Snapshot


@click.command()
@click.option("--session", "wanted", default="", metavar="ID", help="This conversation instead of the latest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(wanted: str, as_json: bool) -> int:  # noqa: FBT001 -- click passes options by name
    """Show provider, model, endpoint, key source, tokens, context and session.

    Exit codes: 0 a model can answer, 1 none can; the reason is shown.
    """
    return run(_status(wanted, as_json=as_json))


async def _status(wanted: str, *, as_json: bool) -> int:
    from fluffbuzz.app import open_app
    from fluffbuzz.surfaces.terminal.status_text import config_lines, status_lines

    async with open_app(here()) as app:
        sessions = app.storage.sessions
        session = await sessions.find(wanted) if wanted else await sessions.latest()
        if wanted and session is None:
            raise UsageError(f"There is no conversation {wanted}.", "See: fluffbuzz sessions list")
        snapshot = await app.observer.snapshot(app.storage.catalog, session)
        if as_json:
            from fluffbuzz.surfaces.cli.json_output import render_json

            click.echo(render_json(_report(snapshot)))
        else:
            for line in (*status_lines(snapshot, app.storage.clock.now()), *config_lines(app.config)):
                click.echo(line)
    return 0 if snapshot.problem is None else 1


def _report(snapshot: Snapshot) -> dict[str, Any]:
    from fluffbuzz.surfaces.cli.report import count_report, usage_report

    report: dict[str, Any] = {"provider": None, "model": None, "endpoint": None, "route": None, "keySource": None}
    window = None
    if snapshot.selection is not None:
        candidate = snapshot.selection.candidate
        window = candidate.model.window
        report = {
            "provider": candidate.endpoint.provider,
            "model": str(candidate.model.ref),
            "endpoint": candidate.endpoint.base_url,
            "route": "native" if candidate.endpoint.route.is_native else "proxy-style",
            "keySource": str(candidate.credential) if candidate.credential else None,
        }
    return report | {
        "problem": str(snapshot.problem) if snapshot.problem else None,
        "tokens": usage_report(snapshot.usage),
        "context": {
            "used": count_report(snapshot.context),
            "kind": snapshot.context.kind,
            "window": window.tokens if window else None,
            "windowSource": window.source if window else None,
        },
        "session": snapshot.session.id if snapshot.session else None,
        "refused": [fact.option for fact in snapshot.refused],
        "discovery": [
            {
                "provider": listing.service.id,
                "baseUrl": listing.service.endpoint.base_url,
                "outcome": listing.discovery.outcome if listing.discovery else "off",
                "at": listing.discovery.at if listing.discovery else None,
            }
            for listing in snapshot.listings
        ],
    }
