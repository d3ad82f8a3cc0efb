"""Where nobody is opted in the embedded model answers, and FluffBuzz says so; here a small vLLM stands in for it."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from tests.surfaces.desk import Desk, chats

from fluffbuzz.core.credential import Credential, CredentialSource, Secret
from fluffbuzz.core.endpoint import Candidate, Endpoint
from fluffbuzz.core.errors import FluffBuzzError
from fluffbuzz.core.models import Model, ModelRef, Window, WindowSource
from fluffbuzz.core.route import route_of
from fluffbuzz.testing import FakeServer

NOTICE = "No provider is set up, so the small embedded model answers. For your own vLLM: export VLLM_API_KEY=anything\n"
PARIS = "The capital of France is Paris.\n"


@pytest.fixture
def background(desk: Desk) -> Iterator[FakeServer]:
    """What the embedded model is served by; `asked_for` counts how often it was."""
    with FakeServer.vllm(models=("org/tiny",)) as server:
        candidate = Candidate(
            Model(ModelRef("embedded", "org/tiny"), name="tiny", window=Window(2048, WindowSource.SERVER)),
            Endpoint("embedded", server.base_url, route_of(server.base_url)),
            Credential(Secret("made-for-this-run"), CredentialSource.SERVICE, "made when it was started"),
        )
        with mock.patch("fluffbuzz.adapters.embedded.EmbeddedModel.candidate", return_value=candidate) as asked_for:
            server.asked_for = asked_for  # type: ignore[attr-defined]  # only these tests look at it
            yield server


def times(background: FakeServer) -> int:
    count: int = background.asked_for.call_count  # type: ignore[attr-defined]  # as above
    return count


def test_it_answers_a_question_and_one_line_says_so(desk: Desk, background: FakeServer) -> None:
    told = desk.ask("hi")
    assert (told.code, told.out, told.err) == (0, PARIS, NOTICE)
    assert chats(background)[0]["model"] == "org/tiny"


def test_in_json_its_key_is_named_by_its_source(desk: Desk, background: FakeServer) -> None:
    assert desk.ask("--json", "hi").json["model"] == "embedded/org/tiny"
    report = desk.run("sessions", "export", "--format", "json", desk.run("sessions", "list", "--json").json[0]["id"])
    assert report.json["turns"][0]["calls"][0]["keySource"] == "our own service (made when it was started)"
    assert "made-for-this-run" not in report.out


def test_it_can_be_named(desk: Desk, background: FakeServer) -> None:
    told = desk.ask("--model", "embedded/org/tiny", "hi")
    assert (told.code, told.err) == (0, "")
    told = desk.ask("--model", "embedded/other", "hi")
    assert (told.code, told.out) == (1, "")
    assert "There is no model embedded/other." in told.err
    assert "embedded/org/tiny" in told.err


def test_a_chat_asks_for_it_before_each_message_since_it_may_have_stopped(desk: Desk, background: FakeServer) -> None:
    told = desk.run("chat", stdin="one\ntwo\n")
    assert told.code == 0
    assert told.out.count(NOTICE) == 1
    assert told.out.count(PARIS) == 2
    assert times(background) == 3, "once to open, once for each message"


def test_why_it_cannot_answer_is_told(desk: Desk) -> None:
    error = FluffBuzzError(
        "The embedded model is not installed.", "Install it with: pipx install 'fluffbuzz[embedded]'"
    )
    with mock.patch("fluffbuzz.adapters.embedded.EmbeddedModel.candidate", side_effect=error):
        for arguments in (["ask", "hi"], ["chat"]):
            told = desk.run(*arguments)
            assert (told.code, told.out) == (1, "")
            assert told.err == f"error: {error.message}\n{error.next_step}\n"


def test_a_provider_that_is_opted_in_but_down_is_never_replaced_by_it(desk: Desk, background: FakeServer) -> None:
    with FakeServer() as gone:
        desk.use(gone)
    told = desk.ask("hi")
    assert (told.code, told.out) == (1, "")
    assert "refused the connection" in told.err
    assert times(background) == 0


def test_models_in_a_chat_says_how_to_opt_in(desk: Desk, background: FakeServer) -> None:
    told = desk.run("chat", stdin="/models\n")
    assert told.code == 0
    assert "No provider is set up. For a vLLM at http://127.0.0.1:8000/v1: export VLLM_API_KEY=anything" in told.err
