"""Every setting there is, as rows of data: the one table that checking, redaction, JSON Schema and reference read.

A new setting is a new row, and a built one also a place in `values` and `building`.
"""

from __future__ import annotations

from fluffbuzz.config.keys.agents import AGENTS
from fluffbuzz.config.keys.model_rows import MODEL_ROWS
from fluffbuzz.config.keys.program import PROGRAM
from fluffbuzz.config.keys.providers import PROVIDERS
from fluffbuzz.config.keys.unbuilt import UNBUILT
from fluffbuzz.config.schema import Key

TABLE: tuple[Key, ...] = (*PROVIDERS, *MODEL_ROWS, *AGENTS, *PROGRAM, *UNBUILT)
