"""Rules between keys, which no single row of the table can state: names that collide, things that need each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from fluffbuzz.config.forms import header_name_fault, provider_id_fault
from fluffbuzz.config.keypath import render
from fluffbuzz.config.problems import Problem
from fluffbuzz.config.tree import Array, KeyPath, Member, Node, Object, Scalar, at, problem
from fluffbuzz.config.values import WILDCARD
from fluffbuzz.core.request import KNOWN_PARAMS

PROVIDERS: KeyPath = ("models", "providers")
FALLBACKS: KeyPath = ("agents", "defaults", "model", "fallbacks")
ENTRIES: KeyPath = ("agents", "defaults", "models")


def members(root: Node, path: KeyPath) -> tuple[Member, ...]:
    """The members of the object at a path; none where there is none."""
    node = at(root, path)
    return node.members if isinstance(node, Object) else ()


def text_of(node: Node | None) -> str:
    """The text of a node; empty where it is none."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""


def normalised(ref: str) -> str:
    """A model reference with its provider in small letters; model ids keep their case."""
    provider, slash, model = ref.strip().partition("/")
    return f"{provider.lower()}{slash}{model}"


@dataclass(slots=True)
class Consistency:
    """One look at a checked tree; `bundled` are the provider ids that FluffBuzz knows by itself."""

    root: Node
    bundled: Collection[str]
    problems: list[Problem] = field(default_factory=list)

    def check(self) -> list[Problem]:
        """Everything that is wrong between keys."""
        self._entries()
        self._params(self.root, ())
        self._fallbacks()
        self._names(members(self.root, PROVIDERS), PROVIDERS, "provider")
        for member in members(self.root, PROVIDERS):
            self._provider(member, (*PROVIDERS, member.name))
        return self.problems

    def _provider(self, member: Member, path: KeyPath) -> None:
        if wrong := provider_id_fault(member.name):
            self._error(member, path, wrong)
        if not isinstance(member.value, Object):
            return
        self._needs(member, member.value, path)
        self._url(member.value, path)
        self._headers(member.value, path)
        rows = member.value.get("models")
        self._rows(rows.items if isinstance(rows, Array) else (), member.name, (*path, "models"))

    def _fallbacks(self) -> None:
        node = at(self.root, FALLBACKS)
        if isinstance(node, Array) and node.items:
            text = "falling back is not built yet: when the model fails, no other is asked"
            self.problems.append(problem("warning", node, render(FALLBACKS), text))

    def _params(self, node: Node, path: KeyPath) -> None:
        """Warn of request parameters that nothing reads, wherever `params` stands."""
        for member in node.members if isinstance(node, Object) else ():
            where = (*path, member.name)
            if member.name == "params" and isinstance(member.value, Object):
                self._known(member.value.members, where)
            elif member.name not in ("params", "headers", "vars"):
                self._params(member.value, where)
        for index, item in enumerate(node.items if isinstance(node, Array) else ()):
            self._params(item, (*path, index))

    def _known(self, params: tuple[Member, ...], path: KeyPath) -> None:
        for member in params:
            if member.name not in KNOWN_PARAMS:
                from difflib import get_close_matches  # only a mistake needs it

                near = get_close_matches(member.name, sorted(KNOWN_PARAMS), n=1)
                text = "nothing reads this parameter; further fields of the request go into extra_body"
                where = render((*path, member.name))
                self.problems.append(problem("warning", member, where, text, suggestion=near[0] if near else ""))

    def _needs(self, member: Member, value: Object, path: KeyPath) -> None:
        name = member.name.lower()
        lacks = [key for key in ("baseUrl", "models") if value.get(key) is None]
        if name not in self.bundled and lacks:
            from difflib import get_close_matches  # only a mistake needs it

            near = get_close_matches(name, sorted(self.bundled), n=1)
            text = f"FluffBuzz does not know this provider by itself, so it needs {' and '.join(lacks)}"
            self._error(member, path, text, near[0] if near else "")
        elif "models" in lacks and not self._has_wildcard(name):
            text = "declares no models, so it has none: list them in `models`, or ask the server for them with "
            text += f'"{name}{WILDCARD}" among the keys of `{render(ENTRIES)}`'
            self.problems.append(problem("warning", member, render(path), text))

    def _url(self, value: Object, path: KeyPath) -> None:
        node = value.get("baseUrl")
        _, scheme, rest = text_of(node).partition("://")
        if node is not None and scheme and "@" not in rest and not rest.rstrip("/").partition("/")[2]:
            text = "has no path, but servers usually answer below /v1"
            near = f"{text_of(node).rstrip('/')}/v1"
            self.problems.append(problem("warning", node, render((*path, "baseUrl")), text, suggestion=near))

    def _has_wildcard(self, provider: str) -> bool:
        return any(normalised(member.name) == provider + WILDCARD for member in members(self.root, ENTRIES))

    def _rows(self, rows: tuple[Node, ...], provider: str, path: KeyPath) -> None:
        seen: dict[str, Node] = {}
        for index, row in enumerate(rows):
            if not isinstance(row, Object):
                continue
            self._headers(row, (*path, index))
            node = row.get("id")
            name, where = text_of(node), (*path, index, "id")
            if node is None or not name:
                continue
            if name in seen:
                line, _ = seen[name].source.position(seen[name].start)
                self._error(node, where, f"the model {name} is declared twice, first in line {line}")
            if name.lower().startswith(f"{provider.lower()}/"):
                text = "an id is what the server calls the model, without the provider before it"
                self.problems.append(
                    problem("warning", node, render(where), text, suggestion=name[len(provider) + 1 :])
                )
            seen[name] = node

    def _headers(self, value: Object, path: KeyPath) -> None:
        headers = members(value, ("headers",))
        self._names(headers, (*path, "headers"), "header")
        for member in headers:
            if wrong := header_name_fault(member.name):
                self._error(member, (*path, "headers", member.name), wrong)

    def _names(self, named: tuple[Member, ...], path: KeyPath, what: str) -> None:
        """Names in which capital and small letters mean the same may stand only once."""
        self._once([(member.name.lower(), member) for member in named], path, f"the {what}")

    def _entries(self) -> None:
        entries = members(self.root, ENTRIES)
        for member in entries:
            provider, _, model = member.name.partition("/")
            if not provider.strip() or not model.strip():
                text = "this is no model reference"
                near = self._full_refs(member.name)
                path = render((*ENTRIES, member.name))
                self.problems.append(
                    problem("error", member, path, text, expected="provider/model or provider/*", suggestion=near)
                )
        self._once([(normalised(member.name), member) for member in entries], ENTRIES, "the model")
        aliases = [
            (text_of(member.value.get("alias")), member) for member in entries if isinstance(member.value, Object)
        ]
        self._once([(alias, member) for alias, member in aliases if alias], ENTRIES, "the alias")

    def _full_refs(self, name: str) -> str:
        """The one declared model of that id, or all models of the provider of that name."""
        if name.lower() in self.bundled:
            return name.lower() + WILDCARD
        refs = [ref for ref in self._declared() if ref.partition("/")[2] == name]
        return refs[0] if len(refs) == 1 else ""

    def _declared(self) -> Iterator[str]:
        for member in members(self.root, PROVIDERS):
            rows = at(member.value, ("models",))
            for row in rows.items if isinstance(rows, Array) else ():
                yield f"{member.name.lower()}/{text_of(at(row, ('id',)))}"

    def _once(self, named: list[tuple[str, Member]], path: KeyPath, what: str) -> None:
        seen: dict[str, Member] = {}
        for name, member in named:
            if first := seen.get(name):
                line, _ = first.source.position(first.start)
                self._error(member, (*path, member.name), f"{what} {name} is there twice, first in line {line}")
            seen[name] = member

    def _error(self, where: Node | Member, path: KeyPath, message: str, suggestion: str = "") -> None:
        self.problems.append(problem("error", where, render(path), message, suggestion=suggestion))
