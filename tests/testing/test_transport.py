"""The scripted transport: what its book does not hold fails, and so does what nobody asked for."""

from __future__ import annotations

import asyncio

import pytest

from fluffbuzz.core.deadlines import DISCOVERY
from fluffbuzz.core.failure import Failure, FailureKind
from fluffbuzz.ports import HttpRequest, TransportFault
from fluffbuzz.testing import Answer, Expect, Pause, ScriptedTransport, Step, UnexpectedRequest

pytestmark = pytest.mark.anyio

LOST = Failure(FailureKind.CONNECTION_LOST, "lost")
POST = HttpRequest("POST", "http://here/chat", {"x": "y"}, b'{"model":"m","stream":true}')


async def read(transport: ScriptedTransport, request: HttpRequest = POST) -> list[bytes]:
    async with transport.open(request, DISCOVERY) as response:
        return [chunk async for chunk in response.chunks()]


async def test_answers_in_the_order_of_the_book() -> None:
    transport = ScriptedTransport(
        Step(Expect(), Answer(pieces=(b"a", b"b"))), Step(Expect(), Answer.events({"x": 1}, "[DONE]"))
    )
    assert await read(transport) == [b"a", b"b"]
    assert await read(transport) == [b'data: {"x":1}\n\n', b"data: [DONE]\n\n"]
    transport.check_done()


async def test_tells_status_and_headers() -> None:
    answer = Answer(404, {"X-Here": "yes"})
    async with ScriptedTransport(Step(Expect(), answer)).open(POST, DISCOVERY) as response:
        assert (response.status, response.headers) == (404, {"x-here": "yes"})


async def test_records_what_was_asked_and_how_it_was_left() -> None:
    transport = ScriptedTransport(*[Step(Expect(), Answer(pieces=(b"a", b"b")))] * 2)
    await read(transport)
    async with transport.open(POST, DISCOVERY) as response:
        async for _ in response.chunks():
            break
        assert not transport.opened[1].is_closed
    assert [opened.is_read_to_end for opened in transport.opened] == [True, False]
    assert [opened.is_closed for opened in transport.opened] == [True, True]
    assert (transport.opened[0].request, transport.opened[0].deadlines) == (POST, DISCOVERY)
    assert transport.opened[0].body["model"] == "m"


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        (Expect("GET"), "method: expected GET, got POST"),
        (Expect(url="http://there/"), "url: expected http://there/"),
        (Expect(headers={"x": "z"}), "header x: expected 'z', got 'y'"),
        (Expect(body={"model": "n"}), "body field model: expected 'n', got 'm'"),
        (Expect(without=("stream",)), "body field stream: expected none"),
    ],
)
async def test_a_request_that_differs_fails_with_the_difference(expect: Expect, words: str) -> None:
    with pytest.raises(UnexpectedRequest, match=words.replace("?", r"\?")):
        await read(ScriptedTransport(Step(expect, Answer())))


async def test_a_request_too_many_fails() -> None:
    with pytest.raises(UnexpectedRequest, match="no step left for POST http://here/chat"):
        await read(ScriptedTransport())


def test_steps_left_over_fail_at_the_end() -> None:
    with (
        pytest.raises(AssertionError, match=r"1 step.*GET http://here/"),
        ScriptedTransport(Step(Expect("GET", "http://here/"), Answer())),
    ):
        pass


def test_an_error_is_not_hidden_by_steps_left_over() -> None:
    with pytest.raises(ZeroDivisionError), ScriptedTransport(Step(Expect(), Answer())):
        raise ZeroDivisionError


async def test_a_fault_is_raised_at_its_place() -> None:
    transport = ScriptedTransport(Step(Expect(), LOST), Step(Expect(), Answer(pieces=(b"a", LOST, b"b"))))
    with pytest.raises(TransportFault):
        await read(transport)
    chunks: list[bytes] = []

    async def read_into() -> None:
        async with transport.open(POST, DISCOVERY) as response:
            async for chunk in response.chunks():
                chunks.append(chunk)  # noqa: PERF401 - what came before the fault is what is tested

    with pytest.raises(TransportFault) as caught:
        await read_into()
    assert (chunks, caught.value.failure) == ([b"a"], LOST)


async def test_a_pause_holds_until_it_is_released() -> None:
    head, body = Pause(), Pause()
    task = asyncio.create_task(read(ScriptedTransport(Step(Expect(), Answer(pieces=(body, b"a"), before=head)))))
    for pause in (head, body):
        await pause.reached()
        assert not task.done()
        pause.release()
    assert await task == [b"a"]
