"""Where the configuration and everything FluffBuzz stores live: decided from the environment, never looked up.

`FLUFFBUZZ_STATE_DIR` moves the state directory, `FLUFFBUZZ_CONFIG_PATH` the configuration file alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fluffbuzz.core.errors import ConfigError

STATE_DIR_VARIABLE = "FLUFFBUZZ_STATE_DIR"
CONFIG_PATH_VARIABLE = "FLUFFBUZZ_CONFIG_PATH"
INCLUDE_ROOTS_VARIABLE = "FLUFFBUZZ_INCLUDE_ROOTS"
STATE_DIR_NAME = ".fluffbuzz"
CONFIG_NAME = "fluffbuzz.json"


def home_dir(env: Mapping[str, str]) -> Path:
    """The home directory: `HOME` where it is set, else what the system says of the user. Raises ConfigError."""
    home = env.get("HOME", "")
    if home:
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigError("Your home directory is unknown.", "Set the environment variable HOME.") from None


def state_dir(env: Mapping[str, str], home: Path) -> Path:
    """The directory of sessions, credentials and, by default, the configuration."""
    chosen = env.get(STATE_DIR_VARIABLE, "")
    return in_home(chosen, home).absolute() if chosen else home / STATE_DIR_NAME


def config_path(env: Mapping[str, str], home: Path) -> Path:
    """The configuration file, which need not exist."""
    chosen = env.get(CONFIG_PATH_VARIABLE, "")
    return in_home(chosen, home).absolute() if chosen else state_dir(env, home) / CONFIG_NAME


def in_home(path: str, home: Path) -> Path:
    """`path` with a leading `~/` read as the home directory, as a shell does it."""
    if path == "~":
        return home
    return home / path[2:] if path.startswith("~/") else Path(path)
