"""What is remembered of endpoints: the newest look, the newest answer, and what was refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fluffbuzz.adapters.sqlite import Database, SqliteCatalogStore
from fluffbuzz.core.discovery import Discovery, Outcome, ServedModel
from fluffbuzz.ports import CatalogStore, LearnedOption

URL = "http://127.0.0.1:8000/v1"
FOUND = Discovery(
    Outcome.FOUND,
    URL,
    10.0,
    (
        ServedModel("Qwen/東京", 4096, "base", is_window_inherited=True, is_chat=False, owned_by="vllm"),
        ServedModel("b"),
    ),
    200,
)


@pytest.fixture
def catalog(database: Database) -> SqliteCatalogStore:
    return SqliteCatalogStore(database)


def test_the_store_is_what_the_port_asks_for(catalog: SqliteCatalogStore) -> None:
    port: CatalogStore = catalog
    assert port is catalog


def test_of_an_endpoint_never_looked_at_nothing_is_known(catalog: SqliteCatalogStore) -> None:
    assert catalog.last_discovery("vllm", URL) is None
    assert catalog.last_found("vllm", URL) is None
    assert catalog.learned_options(URL, "m") == []


def test_a_look_comes_back_as_it_was_in_the_next_run_too(open_db: Any, tmp_path: Path) -> None:
    first = open_db(tmp_path)
    SqliteCatalogStore(first).save_discovery("vllm", FOUND)
    first.close()
    catalog = SqliteCatalogStore(open_db(tmp_path))
    assert catalog.last_discovery("vllm", URL) == FOUND
    assert catalog.last_found("vllm", URL) == FOUND


@pytest.mark.parametrize("outcome", Outcome)
def test_the_newest_answer_stays_known_while_later_looks_fail(catalog: SqliteCatalogStore, outcome: Outcome) -> None:
    catalog.save_discovery("vllm", FOUND)
    later = Discovery(outcome, URL, 20.0, (), 500, "half \udcff")
    kept = Discovery(outcome, URL, 20.0, (), 500, "half ?")
    catalog.save_discovery("vllm", later)
    assert catalog.last_discovery("vllm", URL) == kept
    assert catalog.last_found("vllm", URL) == (kept if later.is_answer else FOUND)


def test_the_last_look_written_counts_although_the_clock_was_set_back(catalog: SqliteCatalogStore) -> None:
    catalog.save_discovery("vllm", FOUND)
    earlier = Discovery(Outcome.REFUSED, URL, 5.0)
    catalog.save_discovery("vllm", earlier)
    assert catalog.last_discovery("vllm", URL) == earlier


def test_endpoints_and_providers_are_kept_apart(catalog: SqliteCatalogStore) -> None:
    catalog.save_discovery("vllm", FOUND)
    assert catalog.last_discovery("sglang", URL) is None
    assert catalog.last_discovery("vllm", URL + "/") is None


def test_fields_of_another_release_do_not_hide_a_look(catalog: SqliteCatalogStore, database: Database) -> None:
    catalog.save_discovery("vllm", FOUND)
    database._connection.execute("""UPDATE discoveries SET models = '[{"id": "a", "colour": "blue"}]'""")
    known = catalog.last_discovery("vllm", URL)
    assert known is not None
    assert known.models == (ServedModel("a"),)


def test_refusals_are_remembered_with_their_time_until_forgotten(catalog: SqliteCatalogStore) -> None:
    other = "http://127.0.0.1:9000/v1"
    catalog.learn_option(URL, "m", "stream_options", 1.0)
    catalog.learn_option(URL, "m", "image", 2.0)
    catalog.learn_option(URL, "m", "stream_options", 3.0)
    catalog.learn_option(URL, "n", "image", 4.0)
    catalog.learn_option(other, "m", "image", 5.0)
    assert catalog.learned_options(URL, "m") == [LearnedOption("image", 2.0), LearnedOption("stream_options", 3.0)]
    catalog.forget_options(URL)
    assert catalog.learned_options(URL, "m") == catalog.learned_options(URL, "n") == []
    assert catalog.learned_options(other, "m") == [LearnedOption("image", 5.0)]
