"""Any sequence of operations leaves the tree that a plain model of it in memory has."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fluffbuzz.adapters.sqlite import SqliteSessionStore, open_database
from fluffbuzz.core.messages import Message, Role, assistant, system, user
from fluffbuzz.core.session import CallOutcome, MessageState
from fluffbuzz.ports import OpenTurn, Retreat

TEXTS = st.text(max_size=8)
OUTCOMES = st.sampled_from(CallOutcome)
STATES = {
    CallOutcome.ANSWERED: MessageState.WHOLE,
    CallOutcome.FAILED: MessageState.CUT,
    CallOutcome.CANCELLED: MessageState.CANCELLED,
    CallOutcome.CUT: MessageState.CUT,
}


@dataclass
class Node:
    parent: int | None
    message: Message
    state: MessageState


@dataclass
class Tree:
    nodes: dict[int, Node] = field(default_factory=dict)
    leaf: int | None = None

    def branch(self) -> list[int]:
        path, at = [], self.leaf
        while at is not None:
            path.append(at)
            at = self.nodes[at].parent
        return path[::-1]


class Conversation(RuleBasedStateMachine):
    """Two sessions side by side, so that what belongs to one never shows in the other."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        ticks, chance = itertools.count(1), itertools.count()
        database = open_database(
            None, now=lambda: float(next(ticks)), token=lambda size: next(chance).to_bytes(size, "big")
        )
        self.store = SqliteSessionStore(database)
        self.trees: dict[str, Tree] = {}
        self.running: dict[int, OpenTurn] = {}
        self.ended: dict[int, CallOutcome] = {}

    def run(self, awaitable: Any) -> Any:
        return self.runner.run(awaitable)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()

    @initialize()
    def begin_two_sessions(self) -> None:
        for _ in range(2):
            self.trees[self.run(self.store.create()).id] = Tree()

    def pick(self, data: st.DataObject) -> tuple[str, Tree]:
        name = data.draw(st.sampled_from(sorted(self.trees)))
        return name, self.trees[name]

    @rule(data=st.data(), text=TEXTS)
    def append(self, data: st.DataObject, text: str) -> None:
        name, tree = self.pick(data)
        stored = self.run(self.store.append(name, user(text)))
        tree.nodes[stored.id] = Node(tree.leaf, user(text), MessageState.WHOLE)
        tree.leaf = stored.id

    @rule(data=st.data(), text=st.none() | TEXTS)
    def begin_turn(self, data: st.DataObject, text: str | None) -> None:
        name, tree = self.pick(data)
        parent = data.draw(st.none() | st.sampled_from(sorted(tree.nodes))) if tree.nodes else None
        place = tree.leaf if parent is None else parent
        if text is None and place is None:
            return
        turn = self.run(self.store.begin_turn(name, None if text is None else user(text), parent=parent))
        if text is not None:
            tree.nodes[turn.user_message] = Node(place, user(text), MessageState.WHOLE)
        else:
            assert turn.user_message == place
        tree.nodes[turn.answer] = Node(turn.user_message, Message(Role.ASSISTANT, ()), MessageState.STREAMING)
        tree.leaf = turn.answer
        self.running[turn.id] = turn

    @precondition(lambda self: self.running)
    @rule(data=st.data(), text=TEXTS)
    def checkpoint(self, data: st.DataObject, text: str) -> None:
        turn = self.running[data.draw(st.sampled_from(sorted(self.running)))]
        self.run(self.store.checkpoint(turn, assistant(text)))
        self.trees[turn.session].nodes[turn.answer].message = assistant(text)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), text=TEXTS, outcome=OUTCOMES)
    def end_turn(self, data: st.DataObject, text: str, outcome: CallOutcome) -> None:
        turn = self.running.pop(data.draw(st.sampled_from(sorted(self.running))))
        tree = self.trees[turn.session]
        places = st.none() | st.sampled_from(sorted(set(tree.nodes) - {turn.answer}))
        retreat = data.draw(st.none() | st.builds(Retreat, places, st.none() | st.just(system("s"))))
        self.run(self.store.end_turn(turn, assistant(text), outcome, (), retreat))
        self.ended[turn.id] = outcome
        has_children = any(node.parent == turn.answer for node in tree.nodes.values())
        if outcome is CallOutcome.FAILED and not text and not has_children:
            del tree.nodes[turn.answer]
            if tree.leaf == turn.answer:
                self.retreat(turn, retreat or Retreat(turn.user_message))
        else:
            node = tree.nodes[turn.answer]
            node.message, node.state = assistant(text), STATES[outcome]

    def retreat(self, turn: OpenTurn, retreat: Retreat) -> None:
        tree = self.trees[turn.session]
        tree.leaf = retreat.leaf
        if retreat.system:
            added = self.run(self.store.find(turn.session)).leaf
            assert added not in tree.nodes
            tree.nodes[added] = Node(retreat.leaf, retreat.system, MessageState.WHOLE)
            tree.leaf = added

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        name, tree = self.pick(data)
        tree.leaf = data.draw(st.none() | st.sampled_from(sorted(tree.nodes))) if tree.nodes else None
        self.run(self.store.move(name, tree.leaf))

    @rule(data=st.data(), limit=st.integers(0, 5))
    def read_the_end_of_a_branch(self, data: st.DataObject, limit: int) -> None:
        name, tree = self.pick(data)
        path = tree.branch()
        found = [stored.id for stored in self.run(self.store.branch(name, limit))]
        assert found == path[max(0, len(path) - limit) :]

    @invariant()
    def every_tree_is_as_the_model_has_it(self) -> None:
        for name, tree in self.trees.items():
            session = self.run(self.store.find(name))
            assert (session.leaf, session.messages) == (tree.leaf, len(tree.nodes))
            assert [stored.id for stored in self.run(self.store.branch(name))] == tree.branch()
            found = {
                stored.id: Node(stored.parent, stored.message, stored.state)
                for stored in self.run(self.store.everything(name))
            }
            assert found == tree.nodes
            assert list(found) == sorted(found)

    @invariant()
    def every_turn_has_the_outcome_it_was_given(self) -> None:
        outcomes = {turn.id: turn.outcome for turn in self.run(self.store.turns())}
        assert outcomes == {**dict.fromkeys(self.running), **self.ended}


Conversation.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
test_the_tree_is_the_models = Conversation.TestCase
