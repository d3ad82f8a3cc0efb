"""Who hosts models, as data: one file a provider, found by its file name.

A new provider is one new file here that binds `PROVIDER`; nothing else in the house names it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from fluffbuzz.providers.provider import Provider, custom

__all__ = ["Provider", "bundled_ids", "find"]


def bundled_ids() -> tuple[str, ...]:
    """The ids of all providers that come with FluffBuzz, in alphabetical order."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if module.name != "provider"))


def find(provider: str) -> Provider:
    """The provider of that id: a bundled one, or a custom one of which only the id is known."""
    if provider not in bundled_ids():
        return custom(provider)
    found: Provider = import_module(f"{__name__}.{provider}").PROVIDER
    return found
