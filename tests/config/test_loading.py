"""Loading: from the file to the values that the program uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluffbuzz.config.loading import load, validate
from fluffbuzz.config.values import (
    ChatSettings,
    DefaultModel,
    EmbeddedSettings,
    ModelEntry,
    ModelRow,
    ProviderConfig,
    StorageSettings,
)
from fluffbuzz.core.credential import Secret
from fluffbuzz.core.models import Compat, Cost, InputKind

from .conftest import BUNDLED, Folder

EVERYTHING = """
// A comment, as everywhere in this file.
{
  $schema: "./schema.json",
  models: {
    mode: "replace",
    providers: {
      Here: {
        baseUrl: "https://gpu.lan:8443/v1/",
        apiKey: "${KEY}",
        api: "openai-completions",
        auth: "api-key",
        headers: { "X-Team": "blue", Authorization: "Bearer $${KEY}" },
        maxTokens: 1000,
        params: { temperature: 0.5, stop: ["a", "${KEY}"] },
        request: { tls: { ca: "certs/ca.pem" } },
        models: [
          {
            id: "org/Name",
            name: "The name",
            reasoning: true,
            input: ["text", "image"],
            cost: { input: 1, output: 2.5, cacheRead: 0, cacheWrite: 3 },
            contextWindow: 8e3,
            contextTokens: 4000,
            maxTokens: 500,
            params: { seed: 1 },
            headers: { "X-Model": "m" },
            compat: { supportsTools: false, maxTokensField: "max_tokens" },
          },
          { id: "plain" },
        ],
      },
    },
  },
  agents: {
    defaults: {
      model: { primary: "here/org/Name", fallbacks: ["here/plain"] },
      models: { "HERE/org/Name": { alias: "fast", params: { temperature: 1 } }, "here/*": {} },
      params: { top_p: 0.9 },
    },
  },
  env: { vars: { KEY: "from the file", OTHER: "x${KEY}" } },
  chat: { history: false },
  storage: { save: false },
  embedded: { enabled: false, idleMinutes: 2.5 },
}
"""


def test_every_setting_that_is_built_arrives(folder: Folder) -> None:
    config = folder.load(EVERYTHING, {"KEY": "sk-1"})
    assert [found.key_path for found in config.warnings] == ["agents.defaults.model.fallbacks"]
    assert (config.path, config.exists, config.files) == (folder.file, True, (folder.file,))
    assert config.mode == "replace"
    assert config.default_model == DefaultModel("here/org/Name", ("here/plain",))
    assert config.model_entries == {
        "here/org/Name": ModelEntry("here/org/Name", "fast", {"temperature": 1}),
        "here/*": ModelEntry("here/*"),
    }
    assert [entry.is_wildcard for entry in config.model_entries.values()] == [False, True]
    assert config.params == {"top_p": 0.9}
    assert config.environment == {"KEY": "sk-1", "OTHER": "xsk-1"}
    assert config.chat == ChatSettings(history=False)
    assert config.storage == StorageSettings(save=False)
    assert config.embedded == EmbeddedSettings(enabled=False, idle_minutes=2.5)
    assert config.providers == {
        "here": ProviderConfig(
            id="here",
            base_url="https://gpu.lan:8443/v1",
            api_key=Secret("sk-1"),
            headers={"X-Team": Secret("blue"), "Authorization": Secret("Bearer ${KEY}")},
            params={"temperature": 0.5, "stop": ["a", "sk-1"]},
            max_tokens=1000,
            ca_file=folder.path / "certs/ca.pem",
            rows=(
                ModelRow(
                    id="org/Name",
                    name="The name",
                    reasoning=True,
                    input=frozenset({InputKind.TEXT, InputKind.IMAGE}),
                    cost=Cost(1, 2.5, 0, 3),
                    context_window=8000,
                    context_tokens=4000,
                    max_tokens=500,
                    params={"seed": 1},
                    headers={"X-Model": Secret("m")},
                    compat=Compat(supports_tools=False, max_tokens_field="max_tokens"),
                ),
                ModelRow(id="plain", name="plain", max_tokens=1000),
            ),
            declares_models=True,
        )
    }


def test_a_missing_file_is_an_empty_configuration(folder: Folder) -> None:
    config = load(folder.file, {"A": "b"}, BUNDLED)
    assert not config.exists
    assert config.providers == {}
    assert config.default_model is None
    assert config.environment == {"A": "b"}
    assert config.chat.history
    assert config.storage.save
    assert config.embedded == EmbeddedSettings(enabled=True, idle_minutes=10)
    assert config.may_discover("here")


def test_an_empty_object_is_the_same_but_exists(folder: Folder) -> None:
    config, nothing = folder.load("{}"), load(folder.path / "none", {}, BUNDLED)
    assert config.exists
    assert (config.chat, config.storage, config.embedded) == (nothing.chat, nothing.storage, nothing.embedded)
    assert config.mode == nothing.mode == "merge"


def test_a_provider_without_anything_has_nothing_but_its_id(folder: Folder) -> None:
    assert folder.load("{models: {providers: {here: {}}}}").providers["here"] == ProviderConfig("here")


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("' here/m '", DefaultModel("here/m")),
        ("'fast'", DefaultModel("fast")),
        ("{primary: 'here/m'}", DefaultModel("here/m")),
        ("{fallbacks: ['a', ' b ']}", DefaultModel(None, ("a", "b"))),
        ("{}", DefaultModel()),
    ],
)
def test_the_default_model_has_a_short_and_a_full_form(text: str, model: DefaultModel, folder: Folder) -> None:
    assert folder.load(f"{{agents: {{defaults: {{model: {text}}}}}}}").default_model == model


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("{}", True),
        ("{models: {providers: {there: {}}}}", True),
        ("{models: {providers: {here: {}}}}", False),
        ("{models: {providers: {HERE: {}}}, agents: {defaults: {models: {'Here/*': {}}}}}", True),
        ("{models: {providers: {here: {}}}, agents: {defaults: {models: {'here/m': {}}}}}", False),
        ("{models: {mode: 'replace'}}", False),
        ("{models: {mode: 'replace', providers: {here: {}}}, agents: {defaults: {models: {'here/*': {}}}}}", False),
    ],
)
def test_discovery_ends_where_a_provider_is_configured_and_begins_again_with_a_wildcard(
    text: str, may: bool, folder: Folder
) -> None:
    assert folder.load(text).may_discover("here") is may


def test_a_certificate_is_found_from_the_file_that_names_it_and_from_home(folder: Folder, tmp_path: Path) -> None:
    home = tmp_path / "home"
    text = "{models: {providers: {here: {models: [], request: {tls: {ca: '%s'}}}}}}"
    for named, meant in (
        ("../ca.pem", folder.path / "../ca.pem"),
        ("/etc/ca.pem", Path("/etc/ca.pem")),
        ("~/ca.pem", home / "ca.pem"),
    ):
        config = folder.load(text % named, {"HOME": str(home)})
        assert config.providers["here"].ca_file == meant


def test_secrets_do_not_show_in_the_configuration(folder: Folder) -> None:
    config = folder.load(EVERYTHING.replace('mode: "replace",', ""), {"KEY": "sk-secret"})
    shown = repr(config.providers["here"]).replace("'stop': ['a', 'sk-secret']", "")  # params are sent as they are
    assert "sk-secret" not in shown
    assert "from the file" not in repr(config)


def test_validation_also_wants_variables_and_certificates(folder: Folder) -> None:
    text = "{models: {providers: {here: {models: [], apiKey: '${KEY}', request: {tls: {ca: 'ca.pem'}}}}}, gateway: {}}"
    folder.write(text)
    lacking = validate(folder.file, {}, BUNDLED)
    assert [(p.severity, p.key_path) for p in lacking] == [
        ("error", "models.providers.here.apiKey"),
        ("warning", "gateway"),
    ]
    (warning, error) = validate(folder.file, {"KEY": "k"}, BUNDLED)
    assert warning.severity == "warning"
    assert error.render() == (
        f"{folder.file}: models.providers.here.request.tls.ca: "
        f"{folder.path / 'ca.pem'} cannot be read: no such file or directory"
    )
    folder.write("", "ca.pem")
    assert validate(folder.file, {"KEY": "k"}, BUNDLED) == (warning,)
    folder.write("{models: {providers: {here: {models: []}}}}")
    assert validate(folder.file, {}, BUNDLED) == ()
