"""`fluffbuzz config` from the outside."""

from __future__ import annotations

import json

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from fluffbuzz.core.errors import ConfigError, FluffBuzzError, UsageError
from fluffbuzz.surfaces.cli.config import config

from .conftest import Folder


def call(folder: Folder, *arguments: str, given: str = "", **env: str) -> Result:
    """Run the command with an environment of its own; errors come out as they are."""
    obj = {"FLUFFBUZZ_STATE_DIR": str(folder.path), "HOME": str(folder.path), **env}
    result = CliRunner().invoke(config, list(arguments), obj=obj, input=given)
    if isinstance(result.exception, FluffBuzzError):
        raise result.exception
    return result


def test_file_prints_where_the_file_is(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(folder, "file").stdout == f"{folder.file}\n"
    assert call(folder, "file", FLUFFBUZZ_CONFIG_PATH="/c.json5").stdout == "/c.json5\n"
    monkeypatch.setenv("FLUFFBUZZ_CONFIG_PATH", "/from-the-process")
    assert CliRunner().invoke(config, ["file"]).stdout == "/from-the-process\n"


def test_set_get_unset_go_together(folder: Folder) -> None:
    result = call(folder, "set", "agents.defaults.model", "vllm/org/name")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"agents.defaults.model set in {folder.file}\n"
    assert call(folder, "get", "agents.defaults.model").stdout == "vllm/org/name\n"
    assert call(folder, "get", "agents.defaults.model", "--json").stdout == '"vllm/org/name"\n'
    assert json.loads(call(folder, "get").stdout) == {"agents": {"defaults": {"model": "vllm/org/name"}}}
    assert call(folder, "set", "agents.defaults.model", "vllm/org/name").stdout == (
        "agents.defaults.model has that value already.\n"
    )
    assert call(folder, "unset", "agents.defaults.model", "--dry-run").stdout == (
        f"agents.defaults.model would be removed in {folder.file}\n"
    )
    assert call(folder, "unset", "agents.defaults.model").stdout == f"agents.defaults.model removed in {folder.file}\n"
    with pytest.raises(ConfigError, match="not set"):
        call(folder, "get", "agents.defaults.model")


def test_a_secret_is_read_from_standard_input_and_never_shown(folder: Folder) -> None:
    key = "models.providers.vllm.apiKey"
    result = call(folder, "set", key, "-", given="sk-secret\r\n")
    assert "sk-secret" not in result.output
    assert call(folder, "get", key).stdout == "***\n"
    assert '"sk-secret"' in folder.file.read_text()


def test_the_options_of_set_arrive(folder: Folder) -> None:
    call(folder, "set", "models.providers.vllm.models", "[{id: 'a'}]")
    with pytest.raises(ConfigError, match="would drop"):
        call(folder, "set", "models.providers.vllm.models", "[]")
    assert call(folder, "set", "models.providers.vllm.models", "[]", "--replace", "--dry-run").exit_code == 0
    assert json.loads(call(folder, "get", "models.providers.vllm.models").stdout) == [{"id": "a"}]
    call(folder, "set", "models.providers.vllm.models", "[]", "--replace")
    assert call(folder, "get", "models.providers.vllm.models").stdout == "[]\n"
    with pytest.raises(UsageError, match="no JSON5"):
        call(folder, "set", "agents.defaults.model", "a/b", "--strict-json")


def test_warnings_go_to_standard_error(folder: Folder) -> None:
    result = call(folder, "set", "gateway.port", "1")
    assert result.stdout == f"gateway.port set in {folder.file}\n"
    assert "gateway: this is not built yet and is ignored" in result.stderr


def test_validate_tells_every_mistake_and_its_exit_code(folder: Folder) -> None:
    missing = call(folder, "validate")
    assert (missing.exit_code, missing.stdout) == (0, f"{folder.file} does not exist; everything has its default.\n")
    folder.write("{}")
    assert call(folder, "validate").stdout == f"{folder.file} is valid.\n"
    folder.write("{gateway: {}}")
    assert call(folder, "validate").stdout.splitlines()[-1] == f"{folder.file} is valid, with 1 warning."
    folder.write("{gateway: {}, cron: {}}")
    assert call(folder, "validate").stdout.splitlines()[-1] == f"{folder.file} is valid, with 2 warnings."
    folder.write("{modles: 1}")
    result = call(folder, "validate")
    assert result.exit_code == 1
    assert result.stdout == (
        f"{folder.file}:1:2: modles: there is no such key. Did you mean models?\n"
        f"{folder.file} cannot be used: 1 mistake.\n"
    )
    folder.write("{modles: 1, chat: 5}")
    assert call(folder, "validate").stdout.endswith("cannot be used: 2 mistakes.\n")


def test_validate_as_json_is_for_programs(folder: Folder) -> None:
    text = "{models: {providers: {vllm: {models: [], apiKey: '${KEY}'}}}, chat: {hystory: 1}}"
    folder.write(text)
    result = call(folder, "validate", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "ok": False,
        "path": str(folder.file),
        "problems": [
            {
                "severity": "error",
                "file": str(folder.file),
                "line": 1,
                "column": text.index("'${KEY}") + 1,
                "keyPath": "models.providers.vllm.apiKey",
                "message": "the environment variable KEY is not set",
                "expected": None,
                "suggestion": None,
            },
            {
                "severity": "error",
                "file": str(folder.file),
                "line": 1,
                "column": text.index("hystory") + 1,
                "keyPath": "chat.hystory",
                "message": "there is no such key",
                "expected": None,
                "suggestion": "history",
            },
        ],
    }
    folder.write("{}")
    result = call(folder, "validate", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (0, True)


def test_schema_prints_the_json_schema(folder: Folder) -> None:
    assert json.loads(call(folder, "schema").stdout)["title"] == "FluffBuzz configuration"


def test_keys_are_completed() -> None:
    group = click.Group("fluffbuzz", commands={"config": config})
    complete = ShellComplete(group, {}, "fluffbuzz", "_FLUFFBUZZ_COMPLETE")
    items = complete.get_completions(["config", "set"], "chat.")
    assert [item.value for item in items] == ["chat.history"]
    assert [item.value for item in complete.get_completions(["config", "get"], "gateway")] == []
