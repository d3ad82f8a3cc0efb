"""Whom the user has opted in to: nobody else is ever sent anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fluffbuzz.config.values import Config, ModelEntry, ModelRow, ProviderConfig
from fluffbuzz.core.credential import Credential, CredentialSource, Secret
from fluffbuzz.core.models import Compat, Cost, InputKind, ModelRef, Window, WindowSource
from fluffbuzz.providers import bundled_ids, find
from fluffbuzz.runtime.services import Service, services

PROFILE = Credential(Secret("from-profile"), CredentialSource.PROFILE, "vllm:default")


def config(*providers: ProviderConfig, env: Mapping[str, str] | None = None, **more: Any) -> Config:
    return Config(
        Path("fluffbuzz.json"), providers={each.id: each for each in providers}, environment=env or {}, **more
    )


def only(found: tuple[Service, ...]) -> Service:
    (service,) = found
    return service


class TestOptingIn:
    def test_without_any_there_is_nobody(self) -> None:
        assert services(config(), {}) == ()

    def test_by_the_environment(self) -> None:
        service = only(services(config(env={"VLLM_API_KEY": "anything"}), {}))
        assert (service.id, service.endpoint.base_url) == ("vllm", "http://127.0.0.1:8000/v1")
        assert service.discovers
        assert service.opted_in_by == "VLLM_API_KEY"
        assert str(service.credential) == "environment (VLLM_API_KEY)"

    def test_not_by_an_empty_variable(self) -> None:
        assert services(config(env={"VLLM_API_KEY": ""}), {}) == ()

    def test_by_a_stored_profile(self) -> None:
        service = only(services(config(), {"vllm": [PROFILE]}))
        assert service.credential == PROFILE
        assert service.opted_in_by == "vllm:default"

    def test_by_the_configuration(self) -> None:
        service = only(services(config(ProviderConfig("vllm")), {}))
        assert service.endpoint.base_url == "http://127.0.0.1:8000/v1"
        assert service.credential is None
        assert service.opted_in_by == "models.providers.vllm"

    @pytest.mark.parametrize("provider", bundled_ids())
    def test_every_variable_of_every_provider_counts(self, provider: str) -> None:
        for variable in find(provider).env_vars:
            assert [each.id for each in services(config(env={variable: "key"}), {})] == [provider]

    def test_replace_mode_leaves_only_what_is_configured(self) -> None:
        chosen = config(ProviderConfig("lab", "http://lab:1/v1"), env={"VLLM_API_KEY": "k"}, mode="replace")
        assert [each.id for each in services(chosen, {})] == ["lab"]

    def test_the_best_ranked_provider_comes_first(self) -> None:
        env = {"OPENAI_API_KEY": "k", "OLLAMA_API_KEY": "k", "VLLM_API_KEY": "k"}
        assert [each.id for each in services(config(env=env), {})] == ["vllm", "ollama", "openai"]


class TestDiscovery:
    LAB = ProviderConfig("lab", "http://lab:1/v1", rows=(ModelRow("m", "m"),))

    def test_an_explicitly_configured_provider_is_not_asked(self) -> None:
        assert not only(services(config(self.LAB), {})).discovers

    def test_the_wildcard_turns_asking_on_again(self) -> None:
        service = only(services(config(self.LAB, model_entries={"lab/*": ModelEntry("lab/*")}), {}))
        assert service.discovers
        assert [model.ref for model in service.declared] == [ModelRef("lab", "m")]
        assert service.endpoint.base_url == "http://lab:1/v1"

    def test_a_wildcard_of_another_provider_does_not(self) -> None:
        assert not only(services(config(self.LAB, model_entries={"vllm/*": ModelEntry("vllm/*")}), {})).discovers


ENV = {"VLLM_API_KEY": "from-env"}


class TestCredentials:
    @pytest.mark.parametrize(
        ("api_key", "profiles", "env", "expected"),
        [
            ("from-config", {"vllm": [PROFILE]}, ENV, "from-config"),
            (None, {"vllm": [PROFILE]}, ENV, "from-profile"),
            (None, {}, ENV, "from-env"),
            ("VLLM_API_KEY", {}, ENV, "from-env"),
            ("VLLM_API_KEY", {"vllm": [PROFILE]}, {}, "from-profile"),
            (None, {}, {}, None),
        ],
    )
    def test_are_chosen_in_one_order(
        self, api_key: str | None, profiles: Any, env: Mapping[str, str], expected: str | None
    ) -> None:
        entry = ProviderConfig("vllm", api_key=Secret(api_key) if api_key else None)
        credential = only(services(config(entry, env=env), profiles)).credential
        assert (credential.secret.reveal() if credential else None) == expected

    def test_never_show_themselves(self) -> None:
        entry = ProviderConfig("vllm", api_key=Secret("s3cret"), headers={"X": Secret("s3cret")})
        assert "s3cret" not in repr(services(config(entry), {}))


class TestEndpoints:
    def test_configured_headers_and_authority_belong_to_them(self) -> None:
        entry = ProviderConfig("lab", "https://lab:1/v1", headers={"X": Secret("y")}, ca_file=Path("/etc/lab.pem"))
        endpoint = only(services(config(entry), {})).endpoint
        assert endpoint.headers == {"X": Secret("y")}
        assert endpoint.ca_file == "/etc/lab.pem"

    @pytest.mark.parametrize(
        ("base_url", "is_local", "is_native"),
        [
            ("http://127.0.0.1:8000/v1", True, False),
            ("https://models.example/v1", False, False),
            ("https://api.openai.com/v1", False, True),
        ],
    )
    def test_their_route_is_judged_by_the_base_url(self, base_url: str, is_local: bool, is_native: bool) -> None:
        route = only(services(config(ProviderConfig("openai", base_url)), {})).endpoint.route
        assert (route.is_local, route.is_native) == (is_local, is_native)

    def test_what_their_configuration_lacks_is_told(self) -> None:
        entry = ProviderConfig("lab", "http://lab:1/v1", unavailable={"apiKey": ("LAB_KEY",)})
        assert only(services(config(entry), {})).lacking == {"apiKey": ("LAB_KEY",)}


class TestDeclaredModels:
    def declared(self, row: ModelRow, **entry: Any) -> Any:
        return only(services(config(ProviderConfig("lab", "http://lab:1/v1", rows=(row,), **entry)), {})).declared[0]

    def test_carry_everything_that_was_configured(self) -> None:
        kinds = frozenset({InputKind.TEXT, InputKind.IMAGE})
        row = ModelRow(
            "org/m",
            "My model",
            reasoning=True,
            input=kinds,
            cost=Cost(1.0, 2.0),
            context_window=8000,
            max_tokens=500,
            headers={"X": Secret("y")},
            compat=Compat(supports_tools=False),
        )
        model = self.declared(row)
        assert (str(model.ref), model.name) == ("lab/org/m", "My model")
        assert model.window == Window(8000, WindowSource.CONFIGURED)
        assert (model.max_tokens, model.reasoning, model.input) == (500, True, kinds)
        assert (model.cost, model.compat, model.headers) == (row.cost, row.compat, row.headers)
        assert model.is_configured

    @pytest.mark.parametrize(
        ("window", "tokens", "expected"),
        [(8000, 4000, 4000), (8000, None, 8000), (None, 4000, 4000), (4000, 8000, 4000)],
    )
    def test_use_no_more_of_the_window_than_they_may(
        self, window: int | None, tokens: int | None, expected: int
    ) -> None:
        model = self.declared(ModelRow("m", "m", context_window=window, context_tokens=tokens))
        assert model.window.tokens == expected

    def test_know_no_window_where_none_is_configured(self) -> None:
        assert self.declared(ModelRow("m", "m")).window is None

    def test_their_parameters_win_over_their_providers(self) -> None:
        model = self.declared(ModelRow("m", "m", params={"temperature": 0}), params={"temperature": 1, "seed": 7})
        assert model.params == {"temperature": 0, "seed": 7}
