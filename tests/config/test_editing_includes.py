"""Changes to a configuration that is spread over files: only the file itself is changed, never an included one."""

from __future__ import annotations

import pytest

from fluffbuzz.core.errors import ConfigError

from .conftest import Folder


def test_a_key_in_an_included_file_is_refused_and_the_file_named(folder: Folder) -> None:
    included = folder.write("{defaults: {model: 'here/a', params: {a: 1}}}", "agents.json5")
    rows = folder.write("{models: [{id: 'a'}]}", "rows.json5")
    folder.write(
        "{agents: {$include: 'agents.json5'}, "
        "models: {providers: {here: {$include: 'rows.json5', models: [{id: 'b'}]}}}}"
    )
    for key, file in (
        ("agents.defaults.model", included),
        ("agents.defaults.params", included),
        ("agents", included),
        ("models.providers.here.models", rows),
        ("models.providers.here.models[1].id", rows),
    ):
        for change in (lambda key=key: folder.editor().set(key, "x"), lambda key=key: folder.editor().unset(key)):
            with pytest.raises(ConfigError) as caught:
                change()
            assert caught.value.message == f"{key} was not changed, for it stands in an included file."
            assert caught.value.next_step == f"Edit {file}"


def test_a_key_beside_an_include_is_changed_in_the_file_itself(folder: Folder) -> None:
    folder.write("{defaults: {params: {a: 1}}}", "agents.json5")
    folder.write("{\n  agents: { $include: 'agents.json5' }, // mine\n}\n")
    folder.editor().set("agents.defaults.model", "here/a")
    assert folder.file.read_text() == (
        "{\n  agents: { $include: 'agents.json5', defaults: {model: \"here/a\"} }, // mine\n}\n"
    )
    assert folder.editor().get("agents.defaults") == {"params": {"a": 1}, "model": "here/a"}
    folder.editor().set("agents.defaults.model", "here/b")
    assert folder.editor().get("agents.defaults.model") == "here/b"


def test_the_include_itself_can_be_set(folder: Folder) -> None:
    folder.write("{history: false}", "chat.json5")
    folder.editor().set("chat.$include", "chat.json5")
    assert folder.editor().get("chat.history") is False
    with pytest.raises(ConfigError, match="there is no file"):
        folder.editor().set("chat.$include", "none.json5")
    folder.file.unlink()
    folder.write("[]", "list.json5")
    with pytest.raises(ConfigError, match="a configuration is an object"):
        folder.editor().set("$include", "list.json5")


def test_a_mistake_in_an_included_file_is_told_with_its_place(folder: Folder) -> None:
    included = folder.write("{\n history: 5}", "chat.json5")
    folder.write("{chat: {$include: 'chat.json5'}}")
    (left,) = folder.editor().set("storage.save", "false").warnings
    assert f"{included}:2:11: chat.history: found a number" in left.render()
