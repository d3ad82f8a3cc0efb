"""`get`, `set` and `unset` of one key in a file, and everything that speaks against a change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fluffbuzz.config.problems import InvalidConfig
from fluffbuzz.core.errors import ConfigError, UsageError

from .conftest import Folder

FILE = """// My models.
{
  models: {
    providers: {
      // the big machine
      here: { baseUrl: "http://gpu:8000/v1", apiKey: "sk-secret", models: [{ id: "a" }, { id: "b" }] }, // upstairs
    },
  },
  agents: { defaults: { model: "here/a", models: { "here/a": { alias: "big" } } } },
}
"""


def test_get_gives_what_is_written(folder: Folder) -> None:
    folder.write(FILE)
    editor = folder.editor()
    assert editor.get("agents.defaults.model") == "here/a"
    assert editor.get("models.providers.here.models[1]") == {"id": "b"}
    assert editor.get("agents.defaults.models[here/a].alias") == "big"
    assert editor.get("models.providers.here.apiKey") == "***"
    assert editor.get() == {
        "models": {
            "providers": {
                "here": {"baseUrl": "http://gpu:8000/v1", "apiKey": "***", "models": [{"id": "a"}, {"id": "b"}]}
            }
        },
        "agents": {"defaults": {"model": "here/a", "models": {"here/a": {"alias": "big"}}}},
    }


def test_get_reads_included_files_and_files_with_mistakes(folder: Folder) -> None:
    folder.write("{history: 'perhaps'}", "chat.json5")
    folder.write("{chat: {$include: 'chat.json5'}, modles: 1}")
    assert folder.editor().get("chat.history") == "perhaps"
    assert folder.editor().get("modles") == 1


@pytest.mark.parametrize(
    ("key", "message", "step"),
    [
        (
            "chat.history",
            "chat.history is not set; what holds then is true.",
            "Set it with: fluffbuzz config set chat.h",
        ),
        (
            "models.mode",
            'models.mode is not set; what holds then is "merge".',
            "Set it with: fluffbuzz config set models.",
        ),
        (
            "agents.defaults.model",
            "agents.defaults.model is not set.",
            "Set it with: fluffbuzz config set agents.defau",
        ),
        ("chat.hystory", "There is no key chat.hystory.", "Did you mean chat.history?"),
        ("history", "There is no key history.", "Did you mean chat.history?"),
        ("chat[0]", "There is no key chat[0].", "See: fluffbuzz config schema"),
        ("qqq.rrr", "There is no key qqq.rrr.", "See: fluffbuzz config schema"),
    ],
)
def test_get_of_a_key_that_is_not_set_helps_on(key: str, message: str, step: str, folder: Folder) -> None:
    for text in ("{}", None):
        if text:
            folder.write(text)
        else:
            folder.file.unlink()
        with pytest.raises(ConfigError) as caught:
            folder.editor().get(key)
        assert caught.value.message == message
        assert caught.value.next_step.startswith(step)


def test_get_of_everything_is_nothing_without_a_file(folder: Folder) -> None:
    assert folder.editor().get() == {}


def test_get_from_a_file_that_is_no_json5_tells_the_mistake(folder: Folder) -> None:
    folder.write("{a: }")
    with pytest.raises(InvalidConfig, match="a value is missing"):
        folder.editor().get("a")


def test_set_changes_one_value_and_keeps_all_else(folder: Folder) -> None:
    folder.write(FILE)
    change = folder.editor().set("models.providers.here.baseUrl", "http://gpu:9000/v1")
    assert change.is_written
    assert folder.file.read_text() == FILE.replace(":8000", ":9000") == change.after
    assert change.before == FILE
    assert change.key == "models.providers.here.baseUrl"


def test_set_makes_the_file_its_directory_and_all_that_is_missing(folder: Folder) -> None:
    editor = replace(folder.editor(), path=folder.path / "new" / "fluffbuzz.json")
    change = editor.set("models.providers.here.models[0].id", "org/name")
    assert change.before == ""
    assert editor.path.read_text() == change.after
    assert editor.get("models.providers.here.models") == [{"id": "org/name"}]
    assert editor.path.stat().st_mode & 0o777 == 0o600
    assert editor.path.parent.stat().st_mode & 0o777 == 0o700


def test_set_keeps_the_mode_of_the_file(folder: Folder) -> None:
    folder.write("{}").chmod(0o640)
    folder.editor().set("chat.history", "false")
    assert folder.file.stat().st_mode & 0o777 == 0o640


def test_set_to_the_value_that_is_there_writes_nothing(folder: Folder) -> None:
    folder.write(FILE)
    before = folder.file.stat()
    change = folder.editor().set("agents.defaults.model", "here/a")
    assert not change.is_written
    assert change.before == change.after
    assert folder.file.stat().st_ino == before.st_ino


def test_a_dry_run_checks_and_writes_nothing(folder: Folder) -> None:
    editor = replace(folder.editor(), path=folder.path / "new" / "fluffbuzz.json")
    change = editor.set("chat.history", "false", dry_run=True)
    assert not change.is_written
    assert "history: false" in change.after
    assert not editor.path.parent.exists()
    folder.write(FILE)
    assert "model:" not in folder.editor().unset("agents.defaults.model", dry_run=True).after
    assert [path.name for path in folder.path.iterdir()] == ["fluffbuzz.json"]
    with pytest.raises(ConfigError):
        folder.editor().set("chat.history", "5", dry_run=True)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("chat.history", "false", False),
        ("embedded.idleMinutes", " 2.5 ", 2.5),
        ("agents.defaults.model", "here/a", "here/a"),
        ("agents.defaults.model", "'here/a'", "here/a"),
        (
            "agents.defaults.model",
            "{primary: 'here/a', /* or */ fallbacks: ['b']}",
            {"primary": "here/a", "fallbacks": ["b"]},
        ),
        ("models.providers.here.models[0].id", "123", "123"),
        ("models.providers.here.models[0].name", "1e3 ", "1e3"),
        ("agents.defaults.params", "{a: 1}", {"a": 1}),
        ("agents.defaults.params.stop", "x y", "x y"),
        ("agents.defaults.params.seed", "7", 7),
        ("agents.defaults.models[here/x].alias", "[x]'", None),
        ("gateway.port", "1", 1),
        ("$schema", "", ""),
    ],
)
def test_a_value_is_json5_where_it_can_be_and_else_text(key: str, text: str, value: object, folder: Folder) -> None:
    folder.write("{models: {providers: {here: {models: [{id: 'a'}]}}}}")
    if value is None:
        with pytest.raises(UsageError, match="is no JSON5: column"):
            folder.editor().set(key, text)
        return
    folder.editor().set(key, text)
    assert folder.editor().get(key) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("here/a", "column 1: `here` is no value; text needs quotes"),
        ("", "column 1: the file is empty"),
        ("{a: 1, a: 2}", "column 8: `a` stands here again"),
        ("[1", "column 1: this [ is never closed"),
    ],
)
def test_strict_json_takes_nothing_but_json5(text: str, sentence: str, folder: Folder) -> None:
    with pytest.raises(UsageError) as caught:
        folder.editor().set("agents.defaults.params.x", text, strict_json=True)
    assert caught.value.message.startswith(f"The value for agents.defaults.params.x is no JSON5: {sentence}")
    assert not folder.file.exists()


def test_strict_json_does_not_turn_numbers_into_text(folder: Folder) -> None:
    with pytest.raises(ConfigError, match=r"agents.defaults.model: found a number"):
        folder.editor().set("agents.defaults.model", "5", strict_json=True)
    folder.editor().set("agents.defaults.model", '"5"', strict_json=True)
    assert folder.editor().get("agents.defaults.model") == "5"


def test_a_value_that_is_no_utf8_is_refused(folder: Folder) -> None:
    with pytest.raises(UsageError, match="is not UTF-8"):
        folder.editor().set("agents.defaults.model", "a\udcff")


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("chat.history", "yes", "chat.history: found text; expected true or false"),
        ("chat.hystory", "true", "chat.hystory: there is no such key. Did you mean history?"),
        ("models.providers.here.baseUrl", "gpu:8000", "models.providers.here.baseUrl: this is no URL"),
        ("models.providers.mine.apiKey", "k", "models.providers.mine: FluffBuzz does not know this provider by itself"),
        ("models.providers.HERE.baseUrl", "http://h", "models.providers.HERE: the provider here is there twice"),
    ],
)
def test_what_would_not_load_is_not_written(key: str, value: str, sentence: str, folder: Folder) -> None:
    folder.write(FILE)
    with pytest.raises(ConfigError) as caught:
        folder.editor().set(key, value)
    first, second = caught.value.message.split("\n")
    assert first == f"{key} was not changed, for the configuration would have a mistake:"
    assert second.strip().startswith(sentence)
    assert "config validate" in caught.value.next_step
    assert folder.file.read_text() == FILE


def test_one_of_two_mistakes_can_be_mended_while_the_other_is_still_told(folder: Folder) -> None:
    folder.write("{modles: 1, chat: {history: 5}}")
    (left,) = folder.editor().set("chat.history", "false").warnings
    assert "modles: there is no such key" in left.render()
    folder.editor().unset("modles")
    assert folder.file.read_text() == "{chat: {history: false}}"


def test_a_further_mistake_is_refused_and_only_it_is_told(folder: Folder) -> None:
    folder.write("{modles: 1}")
    with pytest.raises(ConfigError, match="would have a mistake") as caught:
        folder.editor().set("chat.history", "5")
    assert "modles" not in caught.value.message
    assert folder.file.read_text() == "{modles: 1}"


def test_a_file_that_is_no_json5_is_not_changed(folder: Folder) -> None:
    folder.write("{a: }")
    with pytest.raises(InvalidConfig, match="a value is missing"):
        folder.editor().set("chat.history", "false")


def test_set_on_a_path_through_something_else_is_refused(folder: Folder) -> None:
    folder.write(FILE)
    with pytest.raises(UsageError, match=r"agents.defaults.model is a single value"):
        folder.editor().set("agents.defaults.model.primary", "here/b")


def test_warnings_come_along_with_a_change(folder: Folder) -> None:
    (warning,) = folder.editor().set("gateway.port", "1").warnings
    assert warning.key_path == "gateway"


# Entries that took work to collect


@pytest.mark.parametrize(
    ("key", "value", "lost"),
    [
        ("models.providers.here.models", "[{id: 'a'}]", "models.providers.here.models.b"),
        ("models.providers.here.models", "[]", "models.providers.here.models.a, models.providers.here.models.b"),
        (
            "models.providers.here",
            "{baseUrl: 'http://h/v1', models: [{id: 'a'}, {id: 'b'}]}",
            "models.providers.here.apiKey",
        ),
        ("models.providers", "{there: {}}", "models.providers.here"),
        ("models", "{mode: 'merge'}", "models.providers.here"),
        ("agents.defaults.models", "{'here/b': {}}", "agents.defaults.models.here/a"),
        ("agents", "{}", "agents.defaults.models.here/a"),
    ],
)
def test_set_does_not_drop_entries_unless_told_to(key: str, value: str, lost: str, folder: Folder) -> None:
    folder.write(FILE)
    with pytest.raises(ConfigError) as caught:
        folder.editor().set(key, value)
    assert caught.value.message == f"{key} was not changed, for that would drop {lost}."
    assert "--replace" in caught.value.next_step
    assert folder.file.read_text() == FILE
    assert folder.editor().set(key, value, replace=True).is_written


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models.providers.here.models", "[{id: 'b', name: 'B'}, {id: 'c'}, {id: 'a'}]"),
        ("models.providers.here.models[0].id", "c"),
        ("agents.defaults.models", "{'here/a': {}, 'here/b': {}}"),
        ("agents.defaults.model", "here/b"),
    ],
)
def test_set_that_keeps_or_names_every_entry_needs_no_leave(key: str, value: str, folder: Folder) -> None:
    folder.write(FILE)
    assert folder.editor().set(key, value).is_written


def test_rows_without_an_id_do_not_count_as_entries(folder: Folder) -> None:
    folder.write("{auth: {profiles: {p: {}}}, env: {vars: {A: 'b'}}, gateway: {models: 5}}")
    with pytest.raises(ConfigError, match=r"would drop auth.profiles.p\."):
        folder.editor().set("auth", "{profiles: 5}")
    with pytest.raises(ConfigError, match=r"would drop env.vars.A\."):
        folder.editor().set("env.vars", "{}")


# Unset


def test_unset_takes_a_key_out(folder: Folder) -> None:
    folder.write(FILE)
    change = folder.editor().unset("models.providers.here.models[0]")
    assert folder.file.read_text() == FILE.replace('{ id: "a" }, ', "") == change.after
    with pytest.raises(ConfigError, match=r"chat.history is not set"):
        folder.editor().unset("chat.history")


def test_unset_without_a_file_says_that_it_is_not_set(folder: Folder) -> None:
    with pytest.raises(ConfigError, match=r"chat.history is not set"):
        folder.editor().unset("chat.history")


# Round trips


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    name=words,
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=8,
    ),
)
def test_what_is_set_is_what_is_got(name: str, value: object, folder: Folder) -> None:
    import json

    from fluffbuzz.config.keypath import render

    folder.write(FILE)
    key = render(("agents", "defaults", "params", name))
    folder.editor().set(key, json.dumps(value), strict_json=True)
    assert folder.load(folder.file.read_text()).params.get(name) == value or "${" in json.dumps(value)
    text = folder.file.read_text()
    assert "// My models.\n" in text
    assert "// the big machine\n" in text
    assert "// upstairs\n" in text
    folder.editor().unset("agents.defaults.params")
    assert folder.file.read_text() == FILE
