"""From a checked tree to the values that the program uses. Nothing can be wrong any more at this point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, assert_never, cast

from fluffbuzz.config.consistency import ENTRIES, PROVIDERS, members, normalised, text_of
from fluffbuzz.config.keypath import render
from fluffbuzz.config.places import home_dir, in_home
from fluffbuzz.config.tree import Array, KeyPath, Node, Object, Scalar, at, plain
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
from fluffbuzz.core.credential import Secret
from fluffbuzz.core.models import Compat, Cost, InputKind


def build(root: Object, path: Path, environment: Mapping[str, str]) -> Config:
    """The configuration that the tree describes."""
    providers = (_provider(m.name.lower(), m.value, environment) for m in members(root, PROVIDERS))
    entries = (_entry(normalised(m.name), m.value) for m in members(root, ENTRIES))
    return Config(
        path=path,
        exists=True,
        mode=_value(root, ("models", "mode"), "merge"),
        providers=MappingProxyType({provider.id: provider for provider in providers}),
        default_model=_default_model(at(root, ("agents", "defaults", "model"))),
        model_entries=MappingProxyType({entry.ref: entry for entry in entries}),
        params=_mapping(root, ("agents", "defaults", "params")),
        environment=MappingProxyType(dict(environment)),
        chat=ChatSettings(history=_value(root, ("chat", "history"), True)),
        storage=StorageSettings(save=_value(root, ("storage", "save"), True)),
        embedded=EmbeddedSettings(
            enabled=_value(root, ("embedded", "enabled"), True),
            idle_minutes=float(_value(root, ("embedded", "idleMinutes"), 10.0)),
        ),
    )


def _value(node: Node, path: KeyPath, default: Any = None) -> Any:
    """The plain value at a path, whose type has been checked, or the default."""
    found = at(node, path)
    return default if found is None else plain(found)


def _mapping(node: Node, path: KeyPath) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", _value(node, path, {}))


def _default_model(node: Node | None) -> DefaultModel | None:
    if node is None:
        return None
    if isinstance(node, Scalar):
        return DefaultModel(primary=text_of(node).strip())
    fallbacks = at(node, ("fallbacks",))
    return DefaultModel(
        primary=text_of(at(node, ("primary",))).strip() or None,
        fallbacks=tuple(text_of(item).strip() for item in fallbacks.items) if isinstance(fallbacks, Array) else (),
    )


def _entry(ref: str, node: Node) -> ModelEntry:
    return ModelEntry(ref, text_of(at(node, ("alias",))).strip() or None, _mapping(node, ("params",)))


def _provider(name: str, node: Node, env: Mapping[str, str]) -> ProviderConfig:
    limit = _value(node, ("maxTokens",))
    rows = at(node, ("models",))
    key = text_of(at(node, ("apiKey",)))
    return ProviderConfig(
        id=name,
        base_url=text_of(at(node, ("baseUrl",))).rstrip("/") or None,
        api_key=Secret(key) if key else None,
        headers=_headers(node),
        params=_mapping(node, ("params",)),
        max_tokens=limit,
        ca_file=_file(at(node, ("request", "tls", "ca")), env),
        rows=tuple(_row(row, limit) for row in rows.items) if isinstance(rows, Array) else (),
        declares_models=rows is not None,
        unavailable=MappingProxyType(dict(_lacking(node, ()))),
    )


def _headers(node: Node) -> Mapping[str, Secret]:
    return MappingProxyType({member.name: Secret(text_of(member.value)) for member in members(node, ("headers",))})


def _file(node: Node | None, env: Mapping[str, str]) -> Path | None:
    """An absolute path; a relative one starts from the file it is named in."""
    if node is None:
        return None
    return (node.source.path.parent / in_home(text_of(node), home_dir(env))).absolute()


def _row(node: Node, limit: int | None) -> ModelRow:
    name = text_of(at(node, ("id",)))
    kinds = _value(node, ("input",))
    cost = _mapping(node, ("cost",))
    return ModelRow(
        id=name,
        name=text_of(at(node, ("name",))) or name,
        reasoning=_value(node, ("reasoning",)),
        input=None if kinds is None else frozenset(InputKind(kind) for kind in kinds),
        cost=Cost(
            input=float(cost.get("input", 0)),
            output=float(cost.get("output", 0)),
            cache_read=float(cost.get("cacheRead", 0)),
            cache_write=float(cost.get("cacheWrite", 0)),
        ),
        context_window=_value(node, ("contextWindow",)),
        context_tokens=_value(node, ("contextTokens",)),
        max_tokens=_value(node, ("maxTokens",), limit),
        params=_mapping(node, ("params",)),
        headers=_headers(node),
        compat=Compat.from_config(_mapping(node, ("compat",))),
    )


def _lacking(node: Node, path: KeyPath) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every text below that lacks a variable."""
    match node:
        case Scalar():
            if node.missing:
                yield render(path), node.missing
        case Array():
            for index, item in enumerate(node.items):
                yield from _lacking(item, (*path, index))
        case Object():
            for member in node.members:
                yield from _lacking(member.value, (*path, member.name))
        case _:
            assert_never(node)
