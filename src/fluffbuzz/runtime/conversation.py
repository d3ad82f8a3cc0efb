"""Conversations: what is sent of a session's history, and how a turn begins, is tried again, or is taken up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fluffbuzz.config.values import Config
from fluffbuzz.core.budget import clamp_output, fewest
from fluffbuzz.core.errors import UsageError
from fluffbuzz.core.messages import Message, Role, Text, Thinking
from fluffbuzz.core.models import InputKind, Model
from fluffbuzz.core.request import ChatRequest, Sampling, extra_of, sampling_of
from fluffbuzz.core.session import MessageState, Session, StoredMessage
from fluffbuzz.ports import Clock, OpenTurn, Retreat, SessionStore
from fluffbuzz.runtime.engine import Engine
from fluffbuzz.runtime.selection import Selection
from fluffbuzz.runtime.turn import Turn


class Conversations:
    """Begins turns; a turn is stored before its request is sent."""

    def __init__(self, store: SessionStore, engine: Engine, clock: Clock, config: Config) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._config = config

    async def ask(self, session: Session, message: Message, selection: Selection, sampling: Sampling) -> Turn:
        """A turn that answers a new message.

        Raises:
            UsageError: the message has an image and the model is known to read text only.
            StorageError: the message could not be stored; nothing was sent.
        """
        check_images(message, selection.candidate.model)
        opened = await self._store.begin_turn(session.id, message)
        return await self._turn(opened, selection, sampling)

    async def retry(self, session: Session, selection: Selection, sampling: Sampling) -> Turn:
        """A turn that answers the last user message anew, beside the earlier answer, which stays in the tree.

        Raises:
            UsageError: there is no user message yet.
        """
        branch = await self._store.branch(session.id)
        asked = [place for place, stored in enumerate(branch) if stored.message.role is Role.USER]
        if not asked:
            raise UsageError("There is nothing to try again: the conversation has no message yet.")
        following = asked[-1] + 1
        while following < len(branch) and branch[following].message.role is Role.SYSTEM:
            following += 1
        later = branch[following:]
        opened = await self._store.begin_turn(session.id, _newest_system(later), parent=branch[following - 1].id)
        has_answer = any(map(_is_answered, later))
        return await self._turn(opened, selection, sampling, retreat=Retreat(branch[-1].id) if has_answer else None)

    async def take_up(self, session: Session, selection: Selection, sampling: Sampling) -> Turn:
        """A turn that goes on with the unfinished last answer exactly where it stops.

        Raises:
            UsageError: the last answer is whole, or this provider cannot continue a partial answer.
        """
        branch = await self._store.branch(session.id)
        spoken = [place for place, stored in enumerate(branch) if stored.message.role is not Role.SYSTEM]
        last = branch[spoken[-1]] if spoken else None
        if last is None or last.state not in _UNFINISHED or not last.message.text:
            raise UsageError("There is no unfinished answer to continue.", "To have it answered anew: /retry")
        if not selection.provider.extras.continuation:
            what = f"{selection.provider.label} cannot continue a partial answer."
            raise UsageError(what, "To have it answered anew: /retry")
        system = _newest_system(branch[spoken[-1] :])
        opened = await self._store.begin_turn(session.id, system, parent=last.parent)
        thoughts = [part for part in last.message.parts if isinstance(part, Thinking)]
        begun = Message(Role.ASSISTANT, (*thoughts, Text(last.message.text)))
        return await self._turn(opened, selection, sampling, begun=begun)

    async def _turn(
        self,
        opened: OpenTurn,
        selection: Selection,
        sampling: Sampling,
        *,
        begun: Message | None = None,
        retreat: Retreat | None = None,
    ) -> Turn:
        # Up to the message to be answered, wherever another process has led the conversation meanwhile.
        branch = await self._store.branch(opened.session, leaf=opened.user_message)
        history = [*_settled(branch), begun] if begun else _settled(branch)
        request = replace(self._request(history, selection, sampling), takes_up=begun is not None)
        retreat = retreat or _before_the_question(branch)
        return Turn(self._store, self._engine, self._clock, selection, request, opened, retreat)

    def _request(self, history: Iterable[Message], selection: Selection, asked: Sampling) -> ChatRequest:
        model = selection.candidate.model
        messages = tuple(sendable(history))
        params = self._params(model)
        sampling = asked.over(sampling_of(params))
        limit = clamp_output(
            sampling.max_tokens or model.max_tokens,
            model.window.tokens if model.window else None,
            fewest(messages),
        )
        return ChatRequest(messages, replace(sampling, max_tokens=limit), extra=extra_of(params))

    def _params(self, model: Model) -> Mapping[str, Any]:
        entries = self._config.model_entries
        named = [entries[key].params for key in (f"{model.ref.provider}/*", str(model.ref)) if key in entries]
        layers: list[Mapping[str, Any]] = [model.params, self._config.params, *named]
        return {key: value for layer in layers for key, value in layer.items()}


def sendable(history: Iterable[Message]) -> Iterable[Message]:
    """What is sent of a history: the newest system text first, then the rest, empty answers left out.

    Messages of the user that follow one another (an answer failed in between) are joined, since many chat templates
    insist on alternation.
    """
    messages = list(history)
    systems = [message for message in messages if message.role is Role.SYSTEM]
    yield from systems[-1:]
    pending: Message | None = None
    for message in messages:
        if message.role is Role.SYSTEM or not message.parts:
            continue
        if message.role is Role.ASSISTANT and not _is_answer(message):
            continue
        if pending and pending.role is Role.USER and message.role is Role.USER:
            pending = Message(Role.USER, (*pending.parts, Text("\n\n"), *message.parts))
            continue
        if pending:
            yield pending
        pending = message
    if pending:
        yield pending


_UNFINISHED = (MessageState.CUT, MessageState.CANCELLED)


def _is_answer(message: Message) -> bool:
    """Whether it is sent as what the model, or a tool of its, has said."""
    return message.role is Role.TOOL or (message.role is Role.ASSISTANT and bool(message.text or message.tool_calls))


def _is_answered(stored: StoredMessage) -> bool:
    """Whether what stands above this message has its answer, or is getting it."""
    return stored.state is MessageState.STREAMING or _is_answer(stored.message)


def _newest_system(branch: Sequence[StoredMessage]) -> Message | None:
    return next((stored.message for stored in reversed(branch) if stored.message.role is Role.SYSTEM), None)


def _settled(branch: Iterable[StoredMessage]) -> list[Message]:
    """The messages without those answers that still grow, and without the questions that these answer.

    Another process is at them; sent along, they would be answered twice.
    """
    kept: list[Message] = []
    for stored in branch:
        if stored.state is not MessageState.STREAMING:
            kept.append(stored.message)
            continue
        answered = max((place for place, message in enumerate(kept, 1) if _is_answer(message)), default=0)
        kept[answered:] = [message for message in kept[answered:] if message.role is Role.SYSTEM]
    return kept


def _before_the_question(branch: Sequence[StoredMessage]) -> Retreat:
    """Where to go on if the last question is refused: above it and those that were joined to it, whichever is at fault.

    The newest system text still applies there.
    """
    answered = max((place for place, stored in enumerate(branch, 1) if _is_answered(stored)), default=0)
    asked = [place for place, stored in enumerate(branch) if place >= answered and stored.message.role is Role.USER]
    first = asked[0] if asked else len(branch)
    return Retreat(branch[first - 1].id if first else None, _newest_system(branch[first:]))


def check_images(message: Message, model: Model) -> None:
    """Refuse a message with images to a model that is known to read text only.

    Raises:
        UsageError: it is one.
    """
    if message.has_images and model.input is not None and InputKind.IMAGE not in model.input:
        raise UsageError(
            f"{model.ref} reads text only, so the image was not sent.",
            "Choose a vision model, or send the text alone (asked anew after: fluffbuzz models list --refresh).",
        )
