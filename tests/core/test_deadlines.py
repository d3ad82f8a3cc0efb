"""How long a request may wait for what."""

from __future__ import annotations

from fluffbuzz.core.deadlines import DISCOVERY, deadlines_for


def test_a_look_at_a_servers_models_takes_five_seconds_at_the_most():
    assert DISCOVERY.total == 5.0
    assert max(DISCOVERY.connect, DISCOVERY.first_token, DISCOVERY.idle) <= DISCOVERY.total


def test_a_server_that_accepts_no_connection_is_given_up_within_seconds_everywhere():
    assert deadlines_for(is_local=True).connect <= 10.0
    assert deadlines_for(is_local=False).connect <= 10.0


def test_ones_own_machine_may_take_long_for_the_first_token_and_an_answer_has_no_end_in_all():
    local, remote = deadlines_for(is_local=True), deadlines_for(is_local=False)
    assert local.first_token >= 900 > remote.connect
    assert local.first_token > remote.first_token
    assert local.idle > remote.idle
    assert (local.total, remote.total) == (None, None)
