"""What the other live tests rely on: the real vLLM starts, guards its key and counts its tokens.

That it can be killed is proved in passing by the tests that kill it.
"""

from __future__ import annotations

import json

import pytest
from tests.live.servers import API_KEY, MODEL_ID, VllmServer, fetch, parse_metrics


def test_a_healthy_server_lists_its_model_with_its_window(vllm: VllmServer) -> None:
    assert fetch(f"{vllm.root_url}/health").status == 200
    answer = fetch(f"{vllm.base_url}/models", API_KEY)
    assert answer.status == 200
    (row,) = json.loads(answer.body)["data"]
    assert (row["id"], row["max_model_len"]) == (MODEL_ID, 4096)


@pytest.mark.parametrize("key", [None, "wrong-key"])
def test_a_missing_or_wrong_key_gets_401(vllm: VllmServer, key: str | None) -> None:
    assert fetch(f"{vllm.base_url}/models", key).status == 401


def test_token_totals_are_the_metrics_of_a_server_at_rest(vllm: VllmServer) -> None:
    totals = vllm.token_totals()
    metrics = vllm.metrics()
    assert totals == (metrics["vllm:prompt_tokens_total"], metrics["vllm:generation_tokens_total"])


def test_a_metric_is_summed_over_its_labels() -> None:
    text = '# HELP a b\na_total{x="1"} 2.0\na_total{x="} {"} 3.5\nb 1e3\n'
    assert parse_metrics(text) == {"a_total": 5.5, "b": 1000.0}
