"""Where things live: decided by the environment alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluffbuzz.config.places import config_path, home_dir, state_dir
from fluffbuzz.core.errors import ConfigError

HOME = Path("/home/ann")


@pytest.mark.parametrize(
    ("env", "state", "config"),
    [
        ({}, "/home/ann/.fluffbuzz", "/home/ann/.fluffbuzz/fluffbuzz.json"),
        ({"FLUFFBUZZ_STATE_DIR": "/s"}, "/s", "/s/fluffbuzz.json"),
        ({"FLUFFBUZZ_STATE_DIR": "~/s"}, "/home/ann/s", "/home/ann/s/fluffbuzz.json"),
        ({"FLUFFBUZZ_STATE_DIR": "~"}, "/home/ann", "/home/ann/fluffbuzz.json"),
        ({"FLUFFBUZZ_CONFIG_PATH": "/c.json5"}, "/home/ann/.fluffbuzz", "/c.json5"),
        ({"FLUFFBUZZ_CONFIG_PATH": "~/c", "FLUFFBUZZ_STATE_DIR": "/s"}, "/s", "/home/ann/c"),
        ({"FLUFFBUZZ_CONFIG_PATH": "", "FLUFFBUZZ_STATE_DIR": ""}, "/home/ann/.fluffbuzz", None),
    ],
)
def test_the_environment_moves_the_files(env: dict[str, str], state: str, config: str | None) -> None:
    assert state_dir(env, HOME) == Path(state)
    assert config_path(env, HOME) == Path(config or f"{state}/fluffbuzz.json")


def test_a_relative_path_means_the_working_directory() -> None:
    assert config_path({"FLUFFBUZZ_CONFIG_PATH": "c.json"}, HOME) == Path.cwd() / "c.json"


def test_home_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert home_dir({"HOME": "/home/ann"}) == HOME
    monkeypatch.setattr(Path, "home", lambda: Path("/home/bob"))
    assert home_dir({}) == Path("/home/bob")


def test_an_unknown_home_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(ConfigError, match="home directory is unknown") as caught:
        home_dir({})
    assert "HOME" in caught.value.next_step
