"""`fluffbuzz models list`: what the servers serve, how old that knowledge is, and what is wrong where there is none."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncGenerator

import pytest
from tests.surfaces.answers import answering
from tests.surfaces.desk import PATIENCE, Desk, settings_for
from tests.surfaces.documented import keys, names, section

from fluffbuzz.core.discovery import Outcome, ServedModel
from fluffbuzz.core.models import WindowSource
from fluffbuzz.testing import FakeServer, FakeVllm, Pause, ReceivedRequest, json_response
from fluffbuzz.testing.raw_http import Action

ROWS = (ServedModel("org/base", 4096), ServedModel("org/lora", None, "org/base"), ServedModel("org/text-embed", 512))


def test_the_table_shows_references_windows_inputs_and_notes(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ROWS
    told = desk.run("models", "list")
    assert (told.code, told.err) == (0, "")
    assert told.out == (
        "MODEL                WINDOW                       INPUT    NOTES\n"
        "vllm/org/base        4,096 (from the server)      unknown\n"
        "vllm/org/lora        4,096 (from its base model)  unknown  adapter of org/base\n"
        "vllm/org/text-embed  512 (from the server)        unknown  no chat model\n"
        f"vLLM at {server.base_url}: asked just now\n"
    )


def test_plain_prints_the_references_alone(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ROWS
    told = desk.run("models", "list", "--plain")
    assert (told.code, told.err) == (0, "")
    assert told.out == "vllm/org/base\nvllm/org/lora\nvllm/org/text-embed\n"


def test_declared_rows_are_listed_without_asking_and_say_so(desk: Desk, server: FakeServer) -> None:
    row = {"id": "org/mine", "name": "Mine", "contextWindow": 8192, "input": ["text", "image"]}
    desk.configure({"models": {"providers": {"vllm": {"baseUrl": server.base_url, "models": [row]}}}})
    told = desk.run("models", "list")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[1:] == [
        "vllm/org/mine  8,192 (configured)  text, image  configured, Mine",
        f"vLLM at {server.base_url}: 1 declared in the configuration, not asked",
    ]
    assert not server.requests


def test_declared_rows_are_merged_with_served_ones_where_the_wildcard_says_so(desk: Desk, server: FakeServer) -> None:
    settings = settings_for({"vllm": server.base_url})
    settings["models"]["providers"]["vllm"]["models"] = [{"id": "org/small", "contextWindow": 100}, {"id": "org/own"}]
    desk.configure(settings)
    report = desk.run("models", "list", "--json").json
    assert [(row["key"], row["contextWindow"], row["contextWindowSource"]) for row in report["models"]] == [
        ("vllm/org/small", 100, "configured"),
        ("vllm/org/own", None, None),
    ]


def test_json_has_exactly_what_the_page_documents(desk: Desk, server: FakeServer, model: FakeVllm) -> None:
    model.models = ROWS
    told = desk.run("models", "list", "--json")
    assert (told.code, told.err) == (0, "")
    report = told.json
    text = section("fluffbuzz models list --json")
    values = {*Outcome, "off", *WindowSource, "configured", "adapter", "no-chat", "text+image"}
    assert set(keys(report)) | values == names(text)
    assert report["count"] == len(report["models"]) == 3
    assert report["models"][1] == {
        "key": "vllm/org/lora",
        "name": "org/lora",
        "input": None,
        "contextWindow": 4096,
        "contextWindowSource": "parent",
        "tags": ["adapter"],
    }
    [provider] = report["providers"]
    assert provider.pop("ageSeconds") >= 0
    assert provider == {
        "provider": "vllm",
        "baseUrl": server.base_url,
        "discovery": "found",
        "status": 200,
        "problem": None,
    }


def test_a_list_found_lately_is_shown_with_its_age_and_refresh_asks_anew(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    desk.run("models", "list")
    model.models = ("org/new",)
    assert "org/small" in desk.run("models", "list").out
    assert len(server.requests) == 1
    assert "org/new" in desk.run("models", "list", "--refresh").out
    assert len(server.requests) == 2


def test_a_server_that_went_away_keeps_its_models_with_the_reason(desk: Desk) -> None:
    with FakeServer.vllm() as server:
        desk.use(server)
        desk.run("models", "list")
    told = desk.run("models", "list", "--refresh")
    assert told.code == 1
    assert "vllm/org/small" in told.out
    assert told.err.startswith(f"vLLM at {server.base_url} refused the connection. Is it running? Start it with:")
    assert "(Its models are from a look just now.)" in told.err

    report = desk.run("models", "list", "--json").json
    assert (report["count"], report["providers"][0]["discovery"]) == (1, "refused")
    assert "refused the connection" in report["providers"][0]["problem"]

    plain = desk.run("models", "list", "--plain")
    assert (plain.code, plain.out) == (1, "vllm/org/small\n")
    assert "refused the connection" in plain.err


def test_a_dead_server_does_not_keep_the_others_from_being_listed(desk: Desk, server: FakeServer) -> None:
    with FakeServer() as gone:
        desk.configure(settings_for({"vllm": gone.base_url, "sglang": server.base_url}))
    told = desk.run("models", "list")
    assert told.code == 1
    assert "sglang/org/small" in told.out
    assert f"vLLM at {gone.base_url} refused the connection." in told.err
    assert "from a look" not in told.err


def test_one_provider_alone_is_listed_and_asked(desk: Desk, server: FakeServer) -> None:
    with FakeServer.vllm(models=("org/other",)) as other:
        desk.configure(settings_for({"vllm": server.base_url, "sglang": other.base_url}))
        told = desk.run("models", "list", "--plain", "--provider", "SGLang")
        assert (told.code, told.out) == (0, "sglang/org/other\n")
        assert not server.requests


def test_a_provider_that_is_not_set_up_is_a_usage_error_with_those_that_are(desk: Desk, server: FakeServer) -> None:
    told = desk.run("models", "list", "--provider", "ollama")
    assert (told.code, told.out) == (2, "")
    assert told.err == "error: Provider ollama is not set up.\nSet up now: vllm\n"


@pytest.mark.parametrize("form", [[], ["--plain"], ["--json"]])
@pytest.mark.parametrize("rows", [[], ["org/small"]])
def test_nothing_to_list_is_a_failure(desk: Desk, server: FakeServer, form: list[str], rows: list[str]) -> None:
    server.responder = answering(models=json_response({"data": [{"id": row} for row in rows]}))
    told = desk.run("models", "list", *form)
    assert told.code == (0 if rows else 1)
    assert ("answers, but serves no models" in told.out + told.err) is not bool(rows)


def test_a_configured_provider_without_rows_says_how_to_get_some(desk: Desk, server: FakeServer) -> None:
    desk.configure({"models": {"providers": {"vllm": {"baseUrl": server.base_url}}}})
    told = desk.run("models", "list")
    assert told.code == 1
    assert 'or the key "vllm/*" to agents.defaults.models' in told.err


def test_a_provider_that_lacks_a_variable_says_which(desk: Desk, server: FakeServer) -> None:
    settings = settings_for({"vllm": server.base_url})
    settings["models"]["providers"]["vllm"]["apiKey"] = "${NOT_SET_ANYWHERE}"
    desk.configure(settings)
    told = desk.run("models", "list")
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        "models.providers.vllm.apiKey needs ${NOT_SET_ANYWHERE}, which is not set. Set it: export NOT_SET_ANYWHERE=…\n"
    )
    assert not server.requests


def test_without_any_provider_it_says_how_to_opt_in(desk: Desk) -> None:
    told = desk.run("models", "list")
    assert (told.code, told.out) == (1, "")
    assert told.err == (
        "No provider is set up. For a vLLM at http://127.0.0.1:8000/v1: export VLLM_API_KEY=anything\n"
        "Until then the small embedded model answers.\n"
    )
    assert desk.run("models", "list", "--json").json == {"count": 0, "models": [], "providers": []}


def test_a_slow_server_does_not_keep_what_the_others_told_from_being_read(
    desk: Desk, server: FakeServer, model: FakeVllm
) -> None:
    pause = Pause()

    async def slow(request: ReceivedRequest) -> AsyncGenerator[Action]:
        yield pause
        async for action in model(request):
            yield action

    with FakeServer(responder=slow) as late:
        desk.configure(settings_for({"vllm": late.base_url, "sglang": server.base_url}))
        with desk.start("models", "list", stdin=subprocess.DEVNULL) as process:
            assert pause.wait_until_reached(PATIENCE)
            assert process.stdout is not None
            lines = [process.stdout.readline().decode() for _ in range(3)]
            assert lines[1].startswith("sglang/org/small ")
            assert lines[2] == f"SGLang at {server.base_url}: asked just now\n"
            pause.release()
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")
    blank, _, *rest = out.decode().splitlines()
    assert (blank, rest[0].split()[0]) == ("", "vllm/org/small")
    assert rest[1] == f"vLLM at {late.base_url}: asked just now"


def test_a_server_of_ones_own_that_serves_nothing_gets_a_next_step_too(desk: Desk, server: FakeServer) -> None:
    server.responder = answering(models=json_response({"data": []}))
    del desk.env["VLLM_API_KEY"]
    settings = settings_for({"gpubox": server.base_url})
    settings["models"]["providers"]["gpubox"]["models"] = []
    desk.configure(settings)
    told = desk.run("models", "list")
    assert (told.code, told.out) == (1, "")
    assert "answers, but serves no models. Load a model there, or declare it in models.providers.gpubox.models." in (
        told.err
    )
