"""The composition root: what is put together, where it lives, and that everything is let go of again."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluffbuzz.adapters.embedded import EmbeddedModel
from fluffbuzz.app import App, Place, open_app, open_storage, place, read_config
from fluffbuzz.core.errors import ConfigError, StorageError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def where(tmp_path: Path) -> Place:
    return place({"FLUFFBUZZ_STATE_DIR": str(tmp_path / "state")}, tmp_path)


def test_a_place_is_what_the_environment_names(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert place({}, home) == Place({}, home / ".fluffbuzz" / "fluffbuzz.json", home / ".fluffbuzz")
    env = {"FLUFFBUZZ_STATE_DIR": "~/state", "FLUFFBUZZ_CONFIG_PATH": str(tmp_path / "other.json")}
    assert place(env, home) == Place(env, tmp_path / "other.json", home / "state")


def test_a_missing_file_is_an_empty_configuration(where: Place) -> None:
    config = read_config(where)
    assert (config.exists, dict(config.providers)) == (False, {})


async def test_what_is_stored_is_there_the_next_time(where: Place) -> None:
    async with open_storage(where) as storage:
        session = await storage.sessions.create(model="here/one")
    async with open_storage(where) as storage:
        assert await storage.sessions.find(session.id) == session


async def test_without_saving_everything_works_and_nothing_is_left(where: Place) -> None:
    async with open_storage(where, save=False) as storage:
        session = await storage.sessions.create()
        assert await storage.sessions.latest() == session
    assert not where.state_dir.exists()


async def test_the_configuration_can_forbid_saving(where: Place) -> None:
    where.state_dir.mkdir()
    where.config_path.write_text("{ storage: { save: false } }")
    async with open_app(where) as app:
        await app.storage.sessions.create()
    assert [path.name for path in where.state_dir.iterdir()] == ["fluffbuzz.json"]


async def test_a_configuration_with_mistakes_opens_nothing(where: Place) -> None:
    where.state_dir.mkdir()
    where.config_path.write_text("{ nonsense: 1 }")
    with pytest.raises(ConfigError, match="nonsense"):
        async with open_app(where):
            pytest.fail("it was opened")
    assert [path.name for path in where.state_dir.iterdir()] == ["fluffbuzz.json"]


async def test_everything_is_closed_however_the_work_ends(where: Place) -> None:
    opened: list[App] = []

    async def work() -> None:
        async with open_app(where) as app:
            opened.append(app)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    with pytest.raises(StorageError, match="is closed already"):
        await opened[0].storage.sessions.sessions(1)


async def test_services_are_those_that_the_environment_and_the_file_opt_in_to(where: Place) -> None:
    async with open_app(where) as app:
        assert app.services == ()
    keyed = Place({"VLLM_API_KEY": "anything"}, where.config_path, where.state_dir)
    async with open_app(keyed) as app:
        assert [service.id for service in app.services] == ["vllm"]


async def test_the_embedded_model_lives_in_the_state_directory_and_in_the_environment_of_its_place(
    where: Place,
) -> None:
    async with open_app(where) as app:
        background = app.background
    assert isinstance(background, EmbeddedModel)
    assert background.data_dir == where.state_dir / "embedded"
    assert background.settings is app.config.embedded
    assert background.env is where.env
    assert not background.data_dir.exists(), "nothing is made before it is to answer"
