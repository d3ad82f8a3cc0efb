"""A look at a server's models: whatever happens, the outcome has a name and is explained with the next thing to do."""

from __future__ import annotations

import pytest
from tests.runtime.scene import BASE, LOOK, service

from fluffbuzz.core.deadlines import DISCOVERY
from fluffbuzz.core.discovery import Discovery, Outcome, ServedModel
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.runtime.discovery import MAX_BODY, discover
from fluffbuzz.runtime.explanation import explain_discovery
from fluffbuzz.testing import Answer, Expect, FakeClock, ScriptedTransport, Step

pytestmark = pytest.mark.anyio

HTML = {"content-type": "text/html"}


async def look(answer: Answer | Failure, clock: FakeClock) -> Discovery:
    with ScriptedTransport(Step(LOOK, answer)) as transport:
        found = await discover(service(), transport, clock)
        assert transport.opened[0].is_closed
        assert transport.opened[0].deadlines == DISCOVERY
    return found


def failed(kind: FailureKind) -> Failure:
    return Failure(kind, f"the words of {kind}")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer.json({"object": "list", "data": [{"id": "m"}]}), Outcome.FOUND),
        (Answer.json({"object": "list", "data": []}), Outcome.EMPTY),
        (failed(FailureKind.REFUSED), Outcome.REFUSED),
        (failed(FailureKind.NAME_NOT_FOUND), Outcome.NAME_NOT_FOUND),
        (failed(FailureKind.CONNECT_TIMEOUT), Outcome.TIMED_OUT),
        (failed(FailureKind.TIMEOUT), Outcome.TIMED_OUT),
        (Answer(200, {}, (b'{"data"', failed(FailureKind.TIMEOUT))), Outcome.TIMED_OUT),
        (failed(FailureKind.TLS), Outcome.TLS),
        (Answer.json({"error": "Unauthorized"}, 401), Outcome.UNAUTHORIZED),
        (Answer.json({"detail": "Forbidden"}, 403), Outcome.UNAUTHORIZED),
        (Answer.json({"detail": "Not Found"}, 404), Outcome.NOT_FOUND),
        (Answer.json({"detail": "Method Not Allowed"}, 405), Outcome.NOT_FOUND),
        (Answer(200, HTML, (b"<html>hello</html>",)), Outcome.NOT_JSON),
        (Answer.json({"hello": "world"}), Outcome.NOT_JSON),
        (Answer(200, {}, (b"[" * (MAX_BODY + 1),)), Outcome.NOT_JSON),
        (failed(FailureKind.PROTOCOL), Outcome.NOT_JSON),
        (Answer(503, HTML, (b"busy",)), Outcome.HTTP_STATUS),
        (Answer(500, {}), Outcome.HTTP_STATUS),
        (Answer(204, {}), Outcome.HTTP_STATUS),
        (failed(FailureKind.CONNECTION_LOST), Outcome.UNREACHABLE),
        (failed(FailureKind.REDIRECTED), Outcome.UNREACHABLE),
    ],
)
async def test_every_way_it_can_end_has_a_name(answer: Answer | Failure, outcome: Outcome, clock: FakeClock) -> None:
    found = await look(answer, clock)
    assert found.outcome is outcome
    assert (found.base_url, found.at) == (BASE, clock.now())
    assert bool(found.models) == (outcome is Outcome.FOUND)


async def test_the_technical_words_are_kept(clock: FakeClock) -> None:
    assert (await look(failed(FailureKind.REFUSED), clock)).detail == "the words of refused"
    assert (await look(Answer(503, HTML, (b"busy",)), clock)).detail == "busy"
    assert "<html>hello" in (await look(Answer(200, HTML, (b"<html>hello</html>",)), clock)).detail


async def test_rows_become_models_with_their_windows(clock: FakeClock) -> None:
    rows = [
        {"id": "base", "max_model_len": 4096, "owned_by": "vllm"},
        {"id": "adapter", "parent": "base", "max_model_len": None},
        {"id": "bge-m3-embed"},
    ]
    found = await look(Answer.json({"data": rows}), clock)
    assert found.models == (
        ServedModel("base", 4096, owned_by="vllm"),
        ServedModel("adapter", 4096, parent="base", is_window_inherited=True),
        ServedModel("bge-m3-embed", is_chat=False),
    )


async def test_the_key_goes_with_it_as_bearer(clock: FakeClock) -> None:
    asked = Expect("GET", f"{BASE}/models", {"authorization": "Bearer s3cret", "accept": "application/json"})
    with ScriptedTransport(Step(asked, Answer.json({"data": []}))) as transport:
        await discover(service(), transport, clock)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_explained_without_the_key(outcome: Outcome) -> None:
    told = explain_discovery(service(), Discovery(outcome, BASE, 0.0, status=500, detail="the words"))
    assert told.what.startswith("vLLM at http://127.0.0.1:8000/v1 ")
    assert told.what.endswith(".")
    assert bool(told.next_step) == (outcome is not Outcome.FOUND)
    assert "s3cret" not in str(told)


@pytest.mark.parametrize(
    ("outcome", "base_url", "advice"),
    [
        (Outcome.REFUSED, BASE, "vllm serve"),
        (Outcome.EMPTY, BASE, "vllm serve"),
        (Outcome.UNAUTHORIZED, BASE, "VLLM_API_KEY"),
        (Outcome.NOT_FOUND, "http://127.0.0.1:8000", "set baseUrl to http://127.0.0.1:8000/v1"),
        (Outcome.NOT_FOUND, BASE, "Check host, port and path"),
        (Outcome.TLS, BASE, "models.providers.vllm.request.tls.ca"),
        (Outcome.NAME_NOT_FOUND, BASE, "models.providers.vllm.baseUrl"),
        (Outcome.NOT_JSON, BASE, "another program"),
    ],
)
def test_the_next_thing_to_do_is_said(outcome: Outcome, base_url: str, advice: str) -> None:
    asked = service(base_url=base_url)
    assert advice in explain_discovery(asked, Discovery(outcome, base_url, 0.0)).next_step


def test_a_missing_key_is_told_from_a_wrong_one() -> None:
    unauthorized = Discovery(Outcome.UNAUTHORIZED, BASE, 0.0, status=401)
    assert "there is none" in explain_discovery(service(credential=None), unauthorized).what
    assert "environment (VLLM_API_KEY)" in explain_discovery(service(), unauthorized).what
