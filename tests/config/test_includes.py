"""`$include`: several files as one, and every mistake in the file it was made in."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluffbuzz.config.includes import MAX_FILES, MAX_LEVELS
from fluffbuzz.config.loading import load
from fluffbuzz.config.problems import InvalidConfig

from .conftest import BUNDLED, Folder


def test_one_file_stands_for_the_object_that_includes_it(folder: Folder) -> None:
    folder.write("{defaults: {model: 'here/m'}}", "agents.json5")
    config = folder.load("{agents: {$include: './agents.json5'}}")
    assert config.default_model
    assert config.default_model.primary == "here/m"
    assert config.files == (folder.file, folder.path / "agents.json5")


def test_several_files_are_merged_in_order_and_the_keys_beside_come_last(folder: Folder) -> None:
    folder.write("{chat: {history: false}, storage: {save: false}, embedded: {idleMinutes: 1}}", "a.json5")
    folder.write("{storage: {save: true}, embedded: {enabled: false, idleMinutes: 2}}", "b.json5")
    config = folder.load("{embedded: {idleMinutes: 3}, $include: ['a.json5', 'b.json5']}")
    assert not config.chat.history
    assert config.storage.save
    assert (config.embedded.enabled, config.embedded.idle_minutes) == (False, 3)


def test_lists_are_joined(folder: Folder) -> None:
    folder.write("{models: [{id: 'a'}]}", "a.json5")
    folder.write("{models: [{id: 'b'}]}", "b.json5")
    config = folder.load("{models: {providers: {here: {$include: ['a.json5', 'b.json5'], models: [{id: 'c'}]}}}}")
    assert [row.id for row in config.providers["here"].rows] == ["a", "b", "c"]


def test_a_list_may_be_included_as_a_whole(folder: Folder) -> None:
    folder.write("[{id: 'a'}, {$include: 'row.json5'}]", "rows.json5")
    folder.write("{id: 'b'}", "row.json5")
    config = folder.load("{models: {providers: {here: {models: {$include: 'rows.json5'}}}}}")
    assert [row.id for row in config.providers["here"].rows] == ["a", "b"]


def test_paths_start_from_the_file_they_stand_in(folder: Folder) -> None:
    folder.write("{$include: 'deeper/b.json5'}", "sub/a.json5")
    folder.write("{$include: '../../c.json5'}", "sub/deeper/b.json5")
    folder.write("{history: false}", "c.json5")
    assert not folder.load("{chat: {$include: 'sub/a.json5'}}").chat.history


def test_variables_are_put_into_included_files_but_not_into_their_names(folder: Folder) -> None:
    folder.write("{primary: '${WHICH}'}", "a.json5")
    config = folder.load("{agents: {defaults: {model: {$include: 'a.json5'}}}}", {"WHICH": "here/m"})
    assert config.default_model
    assert config.default_model.primary == "here/m"
    (problem,) = folder.errors("{$include: '${WHICH}.json5'}", {"WHICH": "a"})
    assert problem.message == f"there is no file {folder.path}/${{WHICH}}.json5"


def test_a_mistake_in_an_included_file_has_that_file_s_place(folder: Folder) -> None:
    included = folder.write("{\n  history: 5 }", "chat.json5")
    (problem,) = folder.errors("{chat: {$include: 'chat.json5'}}")
    assert problem.render() == f"{included}:2:12: chat.history: found a number; expected true or false"


def test_mistakes_of_several_files_come_in_the_order_of_the_files(folder: Folder) -> None:
    broken = folder.write("{\n a: }", "b.json5")
    folder.write("{chat: {x: 1}}", "a.json5")
    problems = folder.errors("{$include: ['a.json5', 'b.json5'],\n modles: 1}")
    assert [(p.file.name, p.line) for p in problems] == [("fluffbuzz.json", 2), ("a.json5", 1), (broken.name, 2)]


@pytest.mark.parametrize("value", ["5", "''", "[]", "['a.json5', 5]", "{}", "'a\\0b'"])
def test_what_names_no_file_is_a_mistake(value: str, folder: Folder) -> None:
    folder.write("{}", "a.json5")
    (problem,) = folder.errors(f"{{chat: {{$include: {value}}}}}")
    assert problem.sentence == "chat.$include: this names no file; expected a path or a list of paths"
    assert problem.column == len("{chat: {$include: ") + 1


def test_a_missing_file_is_a_mistake_where_it_is_named(folder: Folder) -> None:
    (problem,) = folder.errors("{chat: {$include: [\n 'none.json5']}}")
    assert problem.render() == f"{folder.file}:2:2: chat.$include: there is no file {folder.path}/none.json5"


def test_a_file_that_cannot_be_read_is_a_mistake_where_it_is_named(folder: Folder) -> None:
    (folder.path / "sub").mkdir()
    (problem,) = folder.errors("{chat: {$include: 'sub'}}")
    assert problem.message == f"{folder.path}/sub cannot be read: it is a directory"
    assert (problem.file, problem.column) == (folder.file, 19)


def test_what_cannot_be_merged_is_a_mistake(folder: Folder) -> None:
    folder.write("[]", "list.json5")
    folder.write("{}", "object.json5")
    for text in (
        "{chat: {$include: 'list.json5', history: true}}",
        "{chat: {$include: ['list.json5', 'object.json5']}}",
    ):
        (problem,) = folder.errors(text)
        assert problem.message == "what is included here has to be an object each time, for it is merged"


def test_a_whole_configuration_that_includes_a_list_is_a_mistake(folder: Folder) -> None:
    folder.write("[]", "list.json5")
    (problem,) = folder.errors("{$include: 'list.json5'}")
    assert problem.message == "a configuration is an object: { … }"


def test_files_that_include_one_another_are_named_in_their_circle(folder: Folder) -> None:
    folder.write("{$include: 'b.json5'}", "a.json5")
    folder.write("{$include: 'a.json5'}", "b.json5")
    (problem,) = folder.errors("{$include: 'a.json5'}")
    a, b = folder.path / "a.json5", folder.path / "b.json5"
    assert problem.message == f"these files include one another: {a} → {b} → {a}"
    assert problem.file == b
    (problem,) = folder.errors("{$include: 'fluffbuzz.json'}")
    assert problem.message == f"these files include one another: {folder.file} → {folder.file}"


def test_levels_and_files_are_bounded(folder: Folder) -> None:
    for level in range(MAX_LEVELS + 1):
        folder.write(f"{{$include: '{level + 1}.json5'}}", f"{level}.json5")
    folder.write("{history: false}", f"{MAX_LEVELS}.json5")
    assert not folder.load("{chat: {$include: '1.json5'}}").chat.history
    (problem,) = folder.errors("{chat: {$include: '0.json5'}}")
    assert problem.message == f"files include one another more than {MAX_LEVELS} levels deep here"
    names = ", ".join(["'10.json5'"] * (MAX_FILES + 1))
    (problem,) = folder.errors(f"{{chat: {{$include: [{names}]}}}}")
    assert problem.message == f"more than {MAX_FILES} files are included"


def test_files_outside_of_the_directory_are_refused_unless_allowed(folder: Folder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.json5").write_text("{history: false}")
    (folder.path / "link.json5").symlink_to(outside / "a.json5")
    for name in ("../outside/a.json5", str(outside / "a.json5"), "link.json5"):
        (problem,) = folder.errors(f"{{chat: {{$include: '{name}'}}}}")
        assert problem.message == f"{outside / 'a.json5'} is outside of the configuration's directory"
        config = folder.load(f"{{chat: {{$include: '{name}'}}}}", {"FLUFFBUZZ_INCLUDE_ROOTS": f"/nowhere:{outside}"})
        assert not config.chat.history


def test_a_configuration_behind_a_symbolic_link_includes_from_beside_the_link(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{chat: {$include: 'a.json5'}}")
    folder.write("{history: false}", "a.json5")
    folder.file.symlink_to(tmp_path / "real.json")
    assert not load(folder.file, {}, BUNDLED).chat.history


def test_files_are_read_through_the_reader_that_was_given(folder: Folder) -> None:
    files = {folder.file: b"{chat: {$include: 'a.json5'}}", folder.path / "a.json5": b"{history: 1}"}
    with pytest.raises(InvalidConfig) as caught:
        load(folder.file, {}, BUNDLED, files.__getitem__)
    assert caught.value.errors[0].file == folder.path / "a.json5"
