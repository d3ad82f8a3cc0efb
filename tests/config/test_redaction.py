"""What may be shown of a configuration."""

from __future__ import annotations

import pytest

from fluffbuzz.core.errors import ConfigError

from .conftest import Folder

FILE = """{
  models: { providers: { here: {
    baseUrl: "http://me:hidden@h/v1",
    apiKey: "hidden",
    headers: { "X-Team": "hidden", "X-Var": "${TEAM}", "X-Esc": "$${TEAM}", "X-Mix": "hidden${TEAM}" },
    params: { extra_body: {
      authToken: "hidden", apiKey: ["hidden"], maxTokens: 5, cookies: { a: "hidden" }, x: "seen",
    } },
    request: { auth: { mode: "hidden", token: "hidden" }, tls: { key: 12, ca: "seen" } },
    models: [{ id: "seen", headers: { A: "hidden" } }],
    localService: { env: { A: "hidden" } },
  } } },
  env: { vars: { A: "hidden", B: 5 } },
  gateway: { port: 1, auth: { mode: "seen", token: "hidden", password: "hidden" }, on: true, none: null },
  channels: { any: { botToken: "hidden", signingSecret: "hidden", name: "seen" } },
}"""


def texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for item in value for text in texts(item)]
        case dict():
            return [text for item in value.values() for text in texts(item)]
        case _:
            return []


def test_no_secret_is_shown_wherever_it_stands(folder: Folder) -> None:
    folder.write(FILE)
    shown = texts(folder.editor().get())
    assert not [text for text in shown if "hidden" in text]
    assert shown.count("seen") == 5
    assert "${TEAM}" in shown, "the name of a variable is no secret"
    assert "http://***@h/v1" in shown


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("models.providers.here.apiKey", "***"),
        ("models.providers.here.headers", {"X-Team": "***", "X-Var": "${TEAM}", "X-Esc": "***", "X-Mix": "***"}),
        ("models.providers.here.headers.X-Team", "***"),
        ("models.providers.here.request.tls.key", "***"),
        ("models.providers.here.request.tls.ca", "seen"),
        ("models.providers.here.params.extra_body.apiKey[0]", "***"),
        ("models.providers.here.params.extra_body.cookies.a", "***"),
        ("models.providers.here.params.extra_body.maxTokens", 5),
        ("models.providers.here.localService.env.A", "***"),
        ("env.vars", {"A": "***", "B": "***"}),
        ("env.vars.A", "***"),
        ("gateway.auth", {"mode": "seen", "token": "***", "password": "***"}),
        ("gateway.port", 1),
        ("gateway.on", True),
        ("gateway.none", None),
        ("channels.any.botToken", "***"),
        ("channels.any.name", "seen"),
    ],
)
def test_a_secret_is_hidden_also_when_it_is_asked_for_alone(key: str, value: object, folder: Folder) -> None:
    folder.write(FILE)
    assert folder.editor().get(key) == value


def test_a_refused_change_does_not_repeat_the_secret(folder: Folder) -> None:
    folder.write("{}")
    for value in ("hidden\n", "{hidden: 1}"):
        with pytest.raises(ConfigError) as caught:
            folder.editor().set("models.providers.here.apiKey", value)
        assert "hidden" not in str(caught.value)
