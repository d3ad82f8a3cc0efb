"""The configuration file: its schema as a table, loading that names every mistake, editing that keeps comments.

`load` gives a `Config` or raises `InvalidConfig` with every mistake; `Editor` (in `editing`) reads and changes a key.
"""

from __future__ import annotations

from fluffbuzz.config.loading import load, validate
from fluffbuzz.config.places import config_path, home_dir, state_dir
from fluffbuzz.config.problems import InvalidConfig, Problem
from fluffbuzz.config.values import (
    ChatSettings,
    Config,
    DefaultModel,
    EmbeddedSettings,
    ModelEntry,
    ModelRow,
    ProviderConfig,
    StorageSettings,
)

__all__ = [
    "ChatSettings",
    "Config",
    "DefaultModel",
    "EmbeddedSettings",
    "InvalidConfig",
    "ModelEntry",
    "ModelRow",
    "Problem",
    "ProviderConfig",
    "StorageSettings",
    "config_path",
    "home_dir",
    "load",
    "state_dir",
    "validate",
]
