"""Conversations as they are kept: the words that are stored, which later versions must still read."""

from __future__ import annotations

from fluffbuzz.core.events import StopReason
from fluffbuzz.core.failure import FailureKind
from fluffbuzz.core.messages import Role
from fluffbuzz.core.session import Call, CallKind, CallOutcome, MessageState, Session, Timings
from fluffbuzz.core.usage import CountKind, Usage


def test_the_words_that_are_stored_stay_what_they_are():
    stored = [Role, MessageState, CallKind, CallOutcome, CountKind, StopReason]
    assert [[str(word) for word in words] for words in stored] == [
        ["system", "user", "assistant", "tool"],
        ["whole", "streaming", "cancelled", "cut"],
        ["answer", "retry", "continuation"],
        ["answered", "failed", "cancelled", "cut"],
        ["exact", "estimated", "unknown"],
        ["stop", "length", "tool_calls", "content_filter"],
    ]


def test_the_kinds_of_failure_are_one_word_each():
    assert all(str(kind).replace("_", "").isalpha() and str(kind).islower() for kind in FailureKind)
    assert len(set(FailureKind)) == len(list(FailureKind))


def test_a_new_session_is_empty_and_a_call_says_nothing_of_a_failure_it_did_not_have():
    session = Session("id", "title", created=1.0, updated=1.0)
    assert (session.leaf, session.messages, session.model) == (None, 0, "")
    call = Call(CallKind.ANSWER, "p/m", "http://x:1/v1", "none", 1.0, Usage(), Timings(None, 0.5), CallOutcome.ANSWERED)
    assert (call.finish, call.failure, call.message) == ("", "", "")
