"""Credentials: secrets that never print themselves, and the one order in which they are chosen."""

from __future__ import annotations

import dataclasses
import json
import traceback
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.credential import SHORTEST_HIDDEN, Credential, CredentialSource, Secret, choose, hide
from fluffbuzz.core.endpoint import Candidate, Endpoint, headers_for, secrets_of
from fluffbuzz.core.models import Model, ModelRef
from fluffbuzz.core.route import route_of

HUSH = "sk-hush-1234"
SECRET = Secret(HUSH)
KEY = Credential(SECRET, CredentialSource.ENVIRONMENT, "VLLM_API_KEY")
ENDPOINT = Endpoint("p", "http://x:1/v1", route_of("http://x:1/v1"), {"X-Key": SECRET})
CANDIDATE = Candidate(Model(ModelRef("p", "m"), "m", headers={"X-Key": SECRET}), ENDPOINT, KEY)


@pytest.mark.parametrize(
    "holder", [SECRET, KEY, ENDPOINT, CANDIDATE, [SECRET], {"a": KEY}], ids=lambda x: type(x).__name__
)
@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__], ids=["repr", "str", "{}", "{!r}", "%s"]
)
def test_no_way_of_printing_shows_a_secret(holder: object, show):
    assert HUSH not in show((holder,))
    assert HUSH not in show(holder if not isinstance(holder, dict) else [holder])


def test_a_secret_shows_itself_as_stars_everywhere_but_where_it_is_revealed():
    assert (repr(SECRET), str(SECRET), f"{SECRET}", SECRET.reveal()) == ("***", "***", "***", HUSH)


def test_a_secret_is_in_no_error_that_quotes_it():
    try:
        json.dumps({"key": SECRET})
    except TypeError:
        told = traceback.format_exc()
    assert HUSH not in told
    with pytest.raises(AssertionError) as caught:
        assert Secret("other") == SECRET
    assert HUSH not in str(caught.value)
    assert HUSH not in str(dataclasses.asdict(KEY))


def test_equal_secrets_are_equal_and_an_empty_one_is_none():
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert not Secret("")
    assert SECRET


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        (KEY, "environment (VLLM_API_KEY)"),
        (Credential(SECRET, CredentialSource.CONFIGURED, "models.x.apiKey"), "configuration (models.x.apiKey)"),
        (Credential(SECRET, CredentialSource.SERVICE), "our own service"),
    ],
)  # fmt: skip
def test_a_credential_tells_people_where_it_comes_from(credential: Credential, shown: str):
    assert str(credential) == shown


def credential(source: CredentialSource, name: str = "") -> Credential:
    return Credential(Secret(f"{source}{name}"), source, name)


def test_the_order_is_pinned_configured_profiles_environment_whatever_is_missing():
    pinned = credential(CredentialSource.PINNED)
    configured = credential(CredentialSource.CONFIGURED)
    profiles = (credential(CredentialSource.PROFILE, "a"), credential(CredentialSource.PROFILE, "b"))
    environment = credential(CredentialSource.ENVIRONMENT)
    for some in product([True, False], repeat=4):
        first, second, third, fourth = some
        expected = [pinned] * first + [configured] * second + [profiles[0]] * third + [environment] * fourth
        assert choose(
            pinned if first else None,
            configured if second else None,
            profiles if third else (),
            environment if fourth else None,
        ) == (expected[0] if expected else None)


# --- in somebody else's words


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["sk-hush-1234"], "Incorrect API key provided: sk-hush-1234.", "Incorrect API key provided: ***."),
        (["sk-hush-1234"], "sk-hush-1234 and sk-hush-1234", "*** and ***"),
        (["Bearer sk-hush-1234"], "token sk-hush-1234", "token ***"),
        (["Bearer sk-hush-1234"], "header Bearer sk-hush-1234", "header ***"),
        (["sk-hush-1234", "team-secret"], "sk-hush-1234 of team-secret", "*** of ***"),
        (["sk-hush-1234", "sk-hush-12345678"], "sk-hush-12345678", "***"),
        (["eightchr"], "eightchr", "***"),
        (["sevench"], "sevench", "sevench"),
        (["x"], "an example", "an example"),
        ([""], "nothing", "nothing"),
        ([], "sk-hush-1234", "sk-hush-1234"),
    ],
)
def test_a_secret_is_hidden_in_foreign_words_unless_it_is_too_short_to_be_one(
    secrets: list[str], text: str, shown: str
):
    assert hide(map(Secret, secrets), text) == shown


@given(st.lists(st.text(min_size=SHORTEST_HIDDEN, max_size=12), max_size=3), st.text(), st.text())
def test_no_secret_outlives_hiding(secrets: list[str], before: str, after: str):
    for secret in secrets:
        told = hide(map(Secret, secrets), f"{before}{secret}{after}")
        assert "*" in secret or secret not in told


# --- on the wire


def test_the_key_is_sent_as_bearer_token_and_nothing_tells_who_asks():
    endpoint = Endpoint("p", "http://x:1/v1", route_of("http://x:1/v1"))
    assert headers_for(endpoint, KEY) == {"authorization": f"Bearer {HUSH}"}
    assert headers_for(endpoint, None) == {}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_a_configured_authorization_replaces_ours_however_it_is_written(name: str):
    endpoint = Endpoint(
        "p", "http://x:1/v1", route_of("http://x:1/v1"), {name: Secret("Basic abc"), "X-Team": Secret("t")}
    )
    assert headers_for(endpoint, KEY) == {"authorization": "Basic abc", "x-team": "t"}
    assert headers_for(endpoint, None) == {"authorization": "Basic abc", "x-team": "t"}


def test_everything_that_the_headers_reveal_is_known_to_be_secret():
    for credential in (KEY, None):
        revealed = {secret.reveal() for secret in secrets_of(ENDPOINT, credential)}
        sent = {value.removeprefix("Bearer ") for value in headers_for(ENDPOINT, credential).values()}
        assert sent == revealed
    bare = Endpoint("p", "http://x:1/v1", route_of("http://x:1/v1"))
    assert (secrets_of(bare, KEY), secrets_of(bare, None)) == ((SECRET,), ())
