"""Model lists: which models are served and how large their windows are, however odd the rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.wire.openai_models import MAX_ID, NotAModelList, decode_models


def decode(*rows: object) -> tuple[ServedModel, ...]:
    return decode_models(json.dumps({"object": "list", "data": rows}).encode())


def row(name: str = "m", **fields: Any) -> dict[str, Any]:
    return {"id": name, "object": "model", **fields}


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({"max_model_len": 4096}, 4096),
        ({"context_length": 4096}, 4096),
        ({"context_window": 4096}, 4096),
        ({"context_size": 4096}, 4096),
        ({"meta": {"n_ctx": 4096, "n_ctx_train": 8192}}, 4096),
        ({"max_model_len": 4096.0}, 4096),
        ({"max_model_len": 1, "meta": {"n_ctx": 2}, "context_length": 3}, 1),
        ({"meta": {"n_ctx": 2}, "context_length": 3}, 2),
        ({"max_model_len": None, "context_window": 4}, 4),
        ({"meta": {"n_ctx_train": 8192}}, None),
        ({"meta": "?"}, None),
        ({"max_model_len": 0}, None),
        ({"max_model_len": -1}, None),
        ({"max_model_len": True}, None),
        ({"max_model_len": "4096"}, None),
        ({"max_model_len": 2**60}, None),
        ({"max_model_len": [4096]}, None),
        ({}, None),
    ],
)
def test_a_window_is_read_under_every_name_in_use_and_never_guessed(fields: dict[str, Any], window: int | None):
    (model,) = decode(row(**fields))
    assert model.window == window
    assert not model.is_window_inherited


def test_an_infinite_window_is_none():
    assert decode_models(b'{"data":[{"id":"m","max_model_len":Infinity}]}')[0].window is None


def test_an_adapter_without_a_window_inherits_its_parents_wherever_that_stands():
    adapter = row("lora", parent="base", max_model_len=None)
    base = row("base", max_model_len=2048)
    inherited = ServedModel("lora", 2048, parent="base", is_window_inherited=True)
    assert decode(base, adapter) == (ServedModel("base", 2048), inherited)
    assert decode(adapter, base) == (inherited, ServedModel("base", 2048))


@pytest.mark.parametrize(
    ("adapter", "window", "is_inherited"),
    [
        (row("lora", parent="base", max_model_len=512), 512, False),
        (row("lora", parent="gone"), None, False),
        (row("lora", parent="silent"), None, False),
        (row("lora", parent="lora"), None, False),
        (row("lora", parent=7), None, False),
        (row("lora", parent=""), None, False),
        (row("lora", parent=" base "), 2048, True),
    ],
)
def test_only_a_missing_window_is_inherited_and_only_from_a_served_parent(
    adapter: dict[str, Any], window: int | None, is_inherited: bool
):
    found = decode("?", row("base", max_model_len=2048), row("silent"), adapter)[-1]
    assert (found.window, found.is_window_inherited) == (window, is_inherited)


def test_a_model_that_names_itself_as_its_parent_has_none():
    assert decode(row("m", parent="m"))[0].parent == ""


@pytest.mark.parametrize(
    "strange",
    [
        None,
        7,
        "m",
        [],
        {},
        {"id": None},
        {"id": 7},
        {"id": ""},
        {"id": "  "},
        {"id": "a\nb"},
        {"id": "\x1b[31mred"},
        {"id": "x" * (MAX_ID + 1)},
    ],
)
def test_a_row_without_a_usable_id_is_passed_over_and_the_others_stay(strange: object):
    assert [model.id for model in decode(row("a"), strange, row("b"))] == ["a", "b"]


def test_an_id_keeps_its_case_and_slashes_and_loses_the_space_around_it():
    assert decode(row(" Org/Name:tag "))[0].id == "Org/Name:tag"
    assert decode(row("x" * MAX_ID))[0].id == "x" * MAX_ID


def test_of_two_rows_with_the_same_id_the_first_counts_and_the_order_is_kept():
    found = decode(row("a", max_model_len=1), row("b"), row("a", max_model_len=2), row("c"))
    assert [(model.id, model.window) for model in found] == [("a", 1), ("b", None), ("c", None)]


def test_words_that_would_disturb_a_terminal_are_left_out():
    (model,) = decode(row("m", owned_by="\x1b[2J", parent="a\x07"))
    assert (model.owned_by, model.parent) == ("", "")


@pytest.mark.parametrize(
    ("fields", "is_chat"),
    [
        ({"id": "Qwen/Qwen3-8B"}, True),
        ({"id": "meta-llama/Meta-Llama-3-8B-Instruct"}, True),
        ({"id": "HuggingFaceTB/SmolLM2-135M-Instruct"}, True),
        ({"id": "openai/gpt-oss-20b"}, True),
        ({"id": "guardian-of-words"}, True),
        ({"id": "text-embedding-3-small"}, False),
        ({"id": "nomic-embed-text"}, False),
        ({"id": "BAAI/bge-m3"}, False),
        ({"id": "intfloat/e5-mistral-7b-instruct"}, False),
        ({"id": "Alibaba-NLP/gte-Qwen2-7B"}, False),
        ({"id": "Qwen/Qwen3-Reranker-4B"}, False),
        ({"id": "cross-encoder/ms-marco"}, False),
        ({"id": "openai/whisper-large-v3"}, False),
        ({"id": "org/tts-1"}, False),
        ({"id": "org/clip"}, False),
        ({"id": "meta-llama/Llama-Guard-3"}, False),
        ({"id": "omni-moderation-latest"}, False),
        ({"id": "m", "type": "embeddings"}, False),
        ({"id": "m", "task": "rerank"}, False),
        ({"id": "m", "type": "llm"}, True),
        ({"id": "m", "type": 7}, True),
    ],
)
def test_rows_that_are_clearly_no_chat_models_are_told(fields: dict[str, Any], is_chat: bool):
    assert decode(fields)[0].is_chat is is_chat


def test_a_server_without_models_serves_none():
    assert decode() == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "without a `data` list"),
        (b"{}", "without a `data` list"),
        (b'{"data":{}}', "without a `data` list"),
        (b'{"data":"ab"}', "without a `data` list"),
        (b'{"detail":"Not Found"}', "without a `data` list"),
    ],
)
def test_what_is_no_model_list_says_what_it_is_instead(body: bytes, words: str):
    with pytest.raises(NotAModelList, match=words):
        decode_models(body)


ROWS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", "c", ""]) | st.text()},
    optional={
        "parent": st.sampled_from(["a", "b", "c", None]),
        "max_model_len": st.none() | st.integers() | st.floats() | st.text(),
        "meta": st.none() | st.dictionaries(st.just("n_ctx"), st.none() | st.integers()),
    },
)


@given(st.lists(ROWS | st.none() | st.integers()))
def test_any_rows_give_distinct_ids_and_windows_that_are_sizes(rows: list[Any]):
    found = decode_models(json.dumps({"data": rows}).encode())
    ids = [model.id for model in found]
    assert len(set(ids)) == len(ids)
    assert all(model.window is None or model.window >= 1 for model in found)
    assert all(model.is_window_inherited <= bool(model.parent and model.window) for model in found)
