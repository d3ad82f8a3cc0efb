"""What is remembered of endpoints between runs: what they served, and what they refused.

Of every endpoint two looks are kept, the newest and the newest that got an answer, so that a server that is down now
does not make us forget its models. The last look written counts as the newest, whatever the clock says.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, fields

from fluffbuzz.adapters.sqlite.database import Access, Database
from fluffbuzz.adapters.sqlite.message_json import storable
from fluffbuzz.core.discovery import Discovery, Outcome, ServedModel
from fluffbuzz.ports import LearnedOption

_REMEMBER = """
    INSERT INTO discoveries (provider, base_url, slot, outcome, at, status, detail, models)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (provider, base_url, slot) DO UPDATE SET outcome = excluded.outcome, at = excluded.at,
        status = excluded.status, detail = excluded.detail, models = excluded.models
"""
_RECALL = """
    SELECT outcome, base_url, at, models, status, detail FROM discoveries
    WHERE provider = ? AND base_url = ? AND slot = ?
"""
_LEARN = """
    INSERT INTO learned_options (base_url, model, option, at) VALUES (?, ?, ?, ?)
    ON CONFLICT (base_url, model, option) DO UPDATE SET at = excluded.at
"""


class SqliteCatalogStore:
    """`CatalogStore` in the state database; the methods run in the calling thread, each a few tens of microseconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_discovery(self, provider: str, base_url: str) -> Discovery | None:
        """The newest stored look at an endpoint."""
        return self._recall(provider, base_url, "last")

    def last_found(self, provider: str, base_url: str) -> Discovery | None:
        """The newest look that got an answer."""
        return self._recall(provider, base_url, "answered")

    def save_discovery(self, provider: str, discovery: Discovery) -> None:
        """Keep a look."""
        models = json.dumps([asdict(model) for model in discovery.models])
        told = (discovery.outcome.value, discovery.at, discovery.status, storable(discovery.detail), models)
        slots = ("last", "answered") if discovery.is_answer else ("last",)
        rows = [(provider, discovery.base_url, slot, *told) for slot in slots]
        self._database.perform(
            Access.WRITE,
            "remember what a server offers",
            lambda connection: connection.executemany(_REMEMBER, rows),
        )

    def learned_options(self, base_url: str, model: str) -> Sequence[LearnedOption]:
        """What this endpoint refused for this model."""
        rows = self._database.perform(
            Access.READ,
            "read what a server refused",
            lambda connection: connection.execute(
                "SELECT option, at FROM learned_options WHERE base_url = ? AND model = ? ORDER BY option",
                (base_url, model),
            ).fetchall(),
        )
        return [LearnedOption(option, at) for option, at in rows]

    def learn_option(self, base_url: str, model: str, option: str, at: float) -> None:
        """Remember a refusal."""
        self._database.perform(
            Access.WRITE,
            "remember what a server refused",
            lambda connection: connection.execute(_LEARN, (base_url, model, option, at)),
        )

    def forget_options(self, base_url: str) -> None:
        """Forget all refusals of an endpoint."""
        self._database.perform(
            Access.WRITE,
            "forget what a server refused",
            lambda connection: connection.execute("DELETE FROM learned_options WHERE base_url = ?", (base_url,)),
        )

    def _recall(self, provider: str, base_url: str, slot: str) -> Discovery | None:
        def look(connection: sqlite3.Connection) -> Discovery | None:
            row = connection.execute(_RECALL, (provider, base_url, slot)).fetchone()
            return None if row is None else _discovery(row)

        return self._database.perform(Access.READ, "read what a server offers", look)


def _discovery(row: tuple[str, str, float, str, int | None, str]) -> Discovery:
    outcome, base_url, at, models, status, detail = row
    # Another release may have written fields that this one does not have, or have lacked some.
    known = {field.name for field in fields(ServedModel)}
    served = [{name: value for name, value in model.items() if name in known} for model in json.loads(models)]
    return Discovery(Outcome(outcome), base_url, at, tuple(ServedModel(**model) for model in served), status, detail)
