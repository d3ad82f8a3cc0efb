"""Conversations: what is sent of a session's history, and how a turn begins, is tried again, or is taken up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fluffbuzz.config.values import Config
from fluffbuzz.core.budget import clamp_output, estimate
from fluffbuzz.core.errors import UsageError
from fluffbuzz.core.messages import Message, Role, Text
from fluffbuzz.core.models import InputKind, Model
from fluffbuzz.core.request import ChatRequest, Sampling, extra_of, sampling_of
from fluffbuzz.core.session import MessageState, Session, StoredMessage
from fluffbuzz.ports import Clock, SessionStore
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
        history = await self._history(session)
        return Turn(
            self._store, self._engine, self._clock, selection, self._request(history, selection, sampling), opened
        )

    async def retry(self, session: Session, selection: Selection, sampling: Sampling) -> Turn:
        """A turn that answers the last user message anew, beside the earlier answer, which stays in the tree.

        Raises:
            UsageError: there is no user message yet.
        """
        branch = await self._store.branch(session.id)
        asked = next((stored for stored in reversed(branch) if stored.message.role is Role.USER), None)
        if asked is None:
            raise UsageError("There is nothing to try again: the conversation has no message yet.")
        await self._store.move(session.id, asked.id)
        return await self._answer_leaf(session, selection, sampling)

    async def take_up(self, session: Session, selection: Selection, sampling: Sampling) -> Turn:
        """A turn that goes on with the unfinished last answer exactly where it stops.

        Raises:
            UsageError: the last answer is whole, or this provider cannot continue a partial answer.
        """
        branch = await self._store.branch(session.id)
        last = branch[-1] if branch else None
        if last is None or last.state is MessageState.WHOLE or not last.message.text:
            raise UsageError("There is no unfinished answer to continue.", "To have it answered anew: /retry")
        if not selection.provider.extras.continuation:
            what = f"{selection.provider.label} cannot continue a partial answer."
            raise UsageError(what, "To have it answered anew: /retry")
        await self._store.move(session.id, last.parent)
        history = [stored.message for stored in branch[:-1]]
        begun = Message(Role.ASSISTANT, (Text(last.message.text),))
        request = replace(self._request([*history, begun], selection, sampling), takes_up=True)
        opened = await self._store.begin_turn(session.id, None)
        return Turn(self._store, self._engine, self._clock, selection, request, opened)

    async def _answer_leaf(self, session: Session, selection: Selection, sampling: Sampling) -> Turn:
        opened = await self._store.begin_turn(session.id, None)
        history = await self._history(session)
        return Turn(
            self._store, self._engine, self._clock, selection, self._request(history, selection, sampling), opened
        )

    async def _history(self, session: Session) -> Sequence[Message]:
        return [stored.message for stored in await self._store.branch(session.id) if not _is_growing(stored)]

    def _request(self, history: Iterable[Message], selection: Selection, asked: Sampling) -> ChatRequest:
        model = selection.candidate.model
        messages = tuple(sendable(history))
        params = self._params(model)
        sampling = asked.over(sampling_of(params))
        limit = clamp_output(
            sampling.max_tokens or model.max_tokens,
            model.window.tokens if model.window else None,
            estimate(messages).tokens,
        )
        return ChatRequest(messages, replace(sampling, max_tokens=limit), extra=extra_of(params))

    def _params(self, model: Model) -> Mapping[str, Any]:
        entry = self._config.model_entries.get(str(model.ref))
        return {**model.params, **self._config.params, **(entry.params if entry else {})}


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
        if message.role is Role.ASSISTANT and not (message.text or message.tool_calls):
            continue
        if pending and pending.role is Role.USER and message.role is Role.USER:
            pending = Message(Role.USER, (*pending.parts, Text("\n\n"), *message.parts))
            continue
        if pending:
            yield pending
        pending = message
    if pending:
        yield pending


def _is_growing(stored: StoredMessage) -> bool:
    return stored.state is MessageState.STREAMING


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
