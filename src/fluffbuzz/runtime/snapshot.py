"""The state of things at one moment, for `status` on every surface: who would answer, and how full the context is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluffbuzz.core.errors import FluffBuzzError
from fluffbuzz.core.session import Call, CallOutcome, Session, TurnSummary
from fluffbuzz.core.usage import Count, Usage, total
from fluffbuzz.ports import CatalogStore, Clock, LearnedOption, SessionStore
from fluffbuzz.runtime.catalog import Catalog, Listing
from fluffbuzz.runtime.recollection import Recollection
from fluffbuzz.runtime.selection import Selection, Selector
from fluffbuzz.runtime.services import Service


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What `status` shows.

    Attributes:
        selection: who would answer now; None where nobody can, and `problem` says why, or where it is the background
            model, and there is no problem.
        listings: what is known of every service, without asking anybody anew.
        session: the conversation in question, or None.
        usage: the tokens of that conversation, all its calls together.
        last: its newest call, which says how full the context is; None where the newest turn could not tell of any.
        refused: options that the selected endpoint refused lately.
    """

    selection: Selection | None
    problem: FluffBuzzError | None
    listings: Sequence[Listing]
    session: Session | None
    usage: Usage
    last: Call | None
    refused: Sequence[LearnedOption]

    @property
    def context(self) -> Count:
        """How full the context of the conversation is."""
        return self.last.usage.context if self.last else Count()


class Observer:
    """Takes snapshots."""

    def __init__(
        self, selector: Selector, catalog: Catalog, services: Sequence[Service], sessions: SessionStore, clock: Clock
    ) -> None:
        self._selector = selector
        self._catalog = catalog
        self._services = services
        self._sessions = sessions
        self._clock = clock

    async def snapshot(self, memory: CatalogStore, session: Session | None, wanted: str = "") -> Snapshot:
        """The state now; of servers only the one that would answer is asked, and only if that is not known."""
        selection, problem = await self._selected(wanted or (session.model if session else ""))
        turns = await self._sessions.turns(session.id) if session else ()
        calls = [call for turn in turns for call in turn.calls]
        told = [call for call in calls if call.outcome is not CallOutcome.FAILED]
        untold = [turn for turn in turns if _is_untold(turn)]
        refused: Sequence[LearnedOption] = ()
        if selection is not None:
            base_url, model = selection.candidate.endpoint.base_url, selection.candidate.model.ref.model
            refused = Recollection(memory).refused_lately(base_url, model, self._clock.now())
        return Snapshot(
            selection,
            problem,
            [self._catalog.known(service) for service in self._services],
            session,
            total([*(call.usage for call in calls), *(Usage() for _ in untold)]),
            told[-1] if told and turns[-1] not in untold else None,
            refused,
        )

    async def _selected(self, model: str) -> tuple[Selection | None, FluffBuzzError | None]:
        if self._selector.takes_background(model):
            return None, None  # to look must not fetch and start it
        try:
            return await self._selector.select(model), None
        except FluffBuzzError as error:
            return None, error


def _is_untold(turn: TurnSummary) -> bool:
    """Whether a turn was asked and has told nothing: it runs, or its process was killed. What it took is unknown."""
    return not turn.calls and turn.outcome in (None, CallOutcome.CUT)
