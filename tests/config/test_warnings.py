"""What is accepted with a word: every warning has its place and lets the file load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Folder

Split = Callable[[str], tuple[str, int, int]]

NOTHING_READS = "nothing reads this parameter; further fields of the request go into extra_body"

WARNINGS = [
    (
        "{models: {providers: {vllm: {baseUrl: »'http://h:8000/', models: []}}}}",
        "models.providers.vllm.baseUrl: has no path, but servers usually answer below /v1. Did you mean http://h:8000/v1?",
    ),
    (
        "{agents: {defaults: {model: {primary: 'a/b', fallbacks: »['c/d']}}}}",
        "agents.defaults.model.fallbacks: falling back is not built yet: when the model fails, no other is asked",
    ),
    (
        "{agents: {defaults: {params: {»temprature: 1}}}}",
        f"agents.defaults.params.temprature: {NOTHING_READS}. Did you mean temperature?",
    ),
    (
        "{models: {providers: {here: {baseUrl: 'http://h/v1', models: [{id: 'm', params: {»zz: 1}}]}}}}",
        f"models.providers.here.models[0].params.zz: {NOTHING_READS}",
    ),
    ("{»gateway: {port: 'nobody looks at this'}}", "gateway: this is not built yet and is ignored"),
    ("{agents: {defaults: {»compaction: {}}}}", "agents.defaults.compaction: this is not built yet and is ignored"),
    ("{agents: {»entries: {}}}", "agents.entries: this is not built yet and is ignored"),
    ("{»auth: {profiles: {}}}", "auth: this is not built yet and is ignored"),
    ("{»secrets: {}}", "secrets: this is not built yet and is ignored"),
    ("{»channels: {}}", "channels: this is not built yet and is ignored"),
    ("{models: {»catalogRefresh: {}}}", "models.catalogRefresh: this is not built yet and is ignored"),
    ("{env: {»shellEnv: {}}}", "env.shellEnv: this is not built yet and is ignored"),
    (
        "{models: {providers: {here: {models: [{id: 'm', »mediaInput: {}}]}}}}",
        "models.providers.here.models[0].mediaInput: this is not built yet and is ignored",
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm', compat: {»thinkingFormat: 'qwen'}}]}}}}",
        "models.providers.here.models[0].compat.thinkingFormat: this is not built yet and is ignored",
    ),
    (
        "{models: {providers: {Here: {models: [{id: »'here/m'}]}}}}",
        (
            "models.providers.Here.models[0].id: an id is what the server calls the model, "
            "without the provider before it. Did you mean m?"
        ),
    ),
    (
        "{models: {providers: {»here: {}}}}",
        (
            "models.providers.here: declares no models, so it has none: list them in `models`, or ask the server for "
            'them with "here/*" among the keys of `agents.defaults.models`'
        ),
    ),
    (
        "{models: {providers: {here: {models: [], baseUrl: »'http://${HOST}/v1'}}}}",
        "models.providers.here.baseUrl: the environment variable HOST is not set",
    ),
    (
        "{agents: {defaults: {params: {stop: [»'${b}']}}}}",
        "agents.defaults.params.stop[0]: ${b} stays as it is: the names of variables have capital letters only",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WARNINGS)
def test_a_warning_has_its_place_and_lets_the_file_load(
    text: str, sentence: str, folder: Folder, marked: Split
) -> None:
    text, line, column = marked(text)
    (problem,) = folder.load(text).warnings
    assert problem.severity == "warning"
    assert problem.render() == f"{folder.file}:{line}:{column}: warning: {sentence}"


def test_a_provider_with_a_wildcard_needs_no_models(folder: Folder) -> None:
    text = "{models: {providers: {Here: {}}}, agents: {defaults: {models: {'HERE/*': {}}}}}"
    assert folder.load(text).warnings == ()
