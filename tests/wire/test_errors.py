"""Error bodies in all the forms that compatible servers send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.failure import Evidence
from fluffbuzz.wire.openai_errors import MAX_MESSAGE, decode_error, decode_error_event


def decoded(body: object, status: int = 400, **headers: str) -> Evidence:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_error(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            {"error": {"message": "m", "type": "t", "param": "p", "code": 400}},
            Evidence(400, "m", "t", "400", "p"),
            id="an object",
        ),
        pytest.param(
            {"error": {"message": "m", "type": None, "param": None, "code": None}},
            Evidence(400, "m"),
            id="an object with empty fields",
        ),
        pytest.param({"error": "Unauthorized"}, Evidence(400, "Unauthorized"), id="a bare string"),
        pytest.param(
            {"object": "error", "message": "m", "type": "t", "param": None, "code": 400},
            Evidence(400, "m", "t", "400"),
            id="the old flat form",
        ),
        pytest.param({"message": "m"}, Evidence(400, "m"), id="a message alone"),
        pytest.param({"detail": "Not Found"}, Evidence(400, "Not Found"), id="a detail"),
        pytest.param(
            {"detail": [{"loc": ["body"], "msg": "m"}]},
            Evidence(400, '[{"loc":["body"],"msg":"m"}]'),
            id="a list of details",
        ),
        pytest.param({"detail": None}, Evidence(400), id="an empty detail"),
        pytest.param(
            {"type": "error", "error": {"type": "t", "message": "m"}}, Evidence(400, "m", "t"), id="a typed envelope"
        ),
        pytest.param({"error": {"message": {"a": 1}}}, Evidence(400, '{"a":1}'), id="a message that is an object"),
        pytest.param({"error": {"code": "x"}}, Evidence(400, '{"code":"x"}', code="x"), id="no message"),
        pytest.param({"error": ["m"]}, Evidence(400, '["m"]'), id="a list"),
        pytest.param(
            b'{"error":' + b"[" * 900 + b"]" * 900 + b"}", Evidence(400, "(nested too deeply)"), id="a very deep list"
        ),
        pytest.param({"error": None}, Evidence(400, '{"error": null}'), id="null"),
        pytest.param({"error": 0}, Evidence(400, '{"error": 0}'), id="zero"),
        pytest.param({"other": 1}, Evidence(400, '{"other": 1}'), id="an object of another kind"),
        pytest.param(["m"], Evidence(400, '["m"]'), id="a list at the top"),
        pytest.param(b" <html>no</html>\n", Evidence(400, "<html>no</html>"), id="a page"),
        pytest.param(b"", Evidence(400, ""), id="nothing"),
        pytest.param(b"\xff", Evidence(400, "\ufffd"), id="bytes that are no text"),
    ],
)
def test_an_error_body_gives_this_evidence(body: object, expected: Evidence):
    assert decoded(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 5000,
        {"error": "x" * 5000},
        {"error": {"message": "x" * 5000}},
        {"detail": ["x" * 5000]},
        {"other": "x" * 5000},
    ],
)
def test_the_words_of_a_server_are_kept_up_to_a_bound(body: object):
    assert len(decoded(body).message) == MAX_MESSAGE


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "7"}, 7.0),
        ({"retry_after_ms": "inf", "retry_after": "7"}, 7.0),
    ],
)
@pytest.mark.parametrize("body", [{"error": {"message": "m"}}, {"error": "m"}, {"detail": "m"}, {"error": [1]}, b"m"])
def test_the_time_to_wait_is_read_from_the_headers_whatever_the_body(
    headers: dict[str, str], seconds: float | None, body: object
):
    assert decoded(body, 503, **headers).retry_after == seconds


@pytest.mark.parametrize(
    ("code", "status"),
    [(500, 500), ("404", 404), (399, None), (600, None), ("context_length_exceeded", None), (None, None), (-1, None)],
)
def test_the_code_of_an_error_in_a_stream_is_its_status_if_it_can_be_one(code: object, status: int | None):
    found = decode_error_event({"error": {"message": "m", "code": code}})
    assert found is not None
    assert found.status == status


@pytest.mark.parametrize("document", [{}, {"choices": []}, {"object": "chat.completion.chunk"}, {"message": "m"}])
def test_an_ordinary_document_is_no_error(document: dict[str, Any]):
    assert decode_error_event(document) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "type", "code", "param", "detail", "object"]) | st.text(), inner
        )
    ),
    max_leaves=10,
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(), st.integers(400, 599))
def test_any_body_is_evidence_and_keeps_its_status(body: bytes, status: int):
    found = decode_error(status, {}, body)
    assert found.status == status
    assert len(found.message) <= MAX_MESSAGE
