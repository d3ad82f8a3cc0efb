"""Every mistake names file, line, column, what was expected and the nearest valid key; all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fluffbuzz.config.loading import load
from fluffbuzz.config.problems import InvalidConfig, Problem

from .conftest import BUNDLED, Folder

Split = Callable[[str], tuple[str, int, int]]

URL = "baseUrl: 'http://h/v1'"

MISTAKES = [
    # unknown keys
    ("{»modles: {}}", "modles: there is no such key. Did you mean models?"),
    ("{»zzz: {}}", "zzz: there is no such key"),
    ("{»providers: {}}", "providers: there is no such key. Did you mean models.providers?"),
    ("{»fallbacks: []}", "fallbacks: there is no such key. Did you mean agents.defaults.model.fallbacks?"),
    (
        "{models: {providers: {here: {\n  models: [],\n  »base_url: 'x'}}}}",
        "models.providers.here.base_url: there is no such key. Did you mean baseUrl?",
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm', »max_tokens: 5}]}}}}",
        "models.providers.here.models[0].max_tokens: there is no such key. Did you mean maxTokens?",
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm', compat: {»supportTools: true}}]}}}}",
        "models.providers.here.models[0].compat.supportTools: there is no such key. Did you mean supportsTools?",
    ),
    # wrong types
    ("»[]", "a configuration is an object: { … }"),
    ("{models: »[]}", "models: found a list; expected an object"),
    ("{models: {providers: »'x'}}", "models.providers: found text; expected an object"),
    ("{models: {providers: {here: »null}}}", "models.providers.here: found null; expected an object"),
    ("{models: {mode: »5}}", 'models.mode: found a number; expected "merge" or "replace"'),
    ("{models: {mode: »'mrge'}}", 'models.mode: there is no such choice; expected "merge" or "replace". Did you mean'),
    ("{models: {mode: »'zzz'}}", 'models.mode: there is no such choice; expected "merge" or "replace"'),
    ("{chat: {history: »'yes'}}", "chat.history: found text; expected true or false"),
    ("{chat: {history: »1}}", "chat.history: found a number; expected true or false"),
    ("{storage: {save: »{}}}", "storage.save: found an object; expected true or false"),
    ("{embedded: {idleMinutes: »0}}", "embedded.idleMinutes: found 0; expected a number above 0"),
    ("{embedded: {idleMinutes: »'5'}}", "embedded.idleMinutes: found text; expected a number above 0"),
    ("{embedded: {idleMinutes: »true}}", "embedded.idleMinutes: found true; expected a number above 0"),
    ("{embedded: {idleMinutes: »Infinity}}", "embedded.idleMinutes: found Infinity; expected a number above 0"),
    ("{embedded: {idleMinutes: »NaN}}", "embedded.idleMinutes: found NaN; expected a number above 0"),
    ("{agents: {defaults: {model: »5}}}", "agents.defaults.model: found a number; expected text that is not empty or"),
    ("{agents: {defaults: {model: »' '}}}", "agents.defaults.model: this is empty"),
    (
        "{agents: {defaults: {model: {fallbacks: »'a'}}}}",
        "agents.defaults.model.fallbacks: found text; expected a list",
    ),
    (
        "{agents: {defaults: {model: {fallbacks: [»1]}}}}",
        "agents.defaults.model.fallbacks[0]: found a number; expected",
    ),
    ("{agents: {defaults: {params: »[]}}}", "agents.defaults.params: found a list; expected an object"),
    (
        "{agents: {defaults: {params: {a: [{b: »Infinity}]}}}}",
        "agents.defaults.params.a[0].b: this number cannot be sent as JSON",
    ),
    ("{env: {vars: {A: »5}}}", "env.vars.A: found a number; expected text"),
    # providers
    (
        "{models: {providers: {»mine: {}}}}",
        "models.providers.mine: FluffBuzz does not know this provider by itself, so it needs baseUrl and models",
    ),
    (
        f"{{models: {{providers: {{»heer: {{{URL}}}}}}}}}",
        (
            "models.providers.heer: FluffBuzz does not know this provider by itself, so it needs models. "
            "Did you mean here?"
        ),
    ),
    (
        "{models: {providers: {here: {models: []}, »HERE: {models: []}}}}",
        "models.providers.HERE: the provider here is there twice, first in line 1",
    ),
    (
        f"{{models: {{providers: {{»'my server': {{{URL}, models: []}}}}}}}}",
        'models.providers["my server"]: the id of a provider has no white space and none of / @ *',
    ),
    (
        "{models: {providers: {here: {models: »{}}}}}",
        "models.providers.here.models: found an object; expected a list",
    ),
    (
        "{models: {providers: {here: {models: [»'m']}}}}",
        "models.providers.here.models[0]: found text; expected an object",
    ),
    (
        "{models: {providers: {here: {models: [»{name: 'M'}]}}}}",
        "models.providers.here.models[0]: `id` is missing",
    ),
    (
        "{models: {providers: {here: {models: [{id: »''}]}}}}",
        "models.providers.here.models[0].id: this is empty",
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm'},\n {id: »'m'}]}}}}",
        "models.providers.here.models[1].id: the model m is declared twice, first in line 1",
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm', contextWindow: »1.5}]}}}}",
        "models.providers.here.models[0].contextWindow: found 1.5; expected a whole number above 0",
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm', cost: {input: »-1}}]}}}}",
        "models.providers.here.models[0].cost.input: found -1; expected a number, 0 or more",
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm', input: ['text', »'images']}]}}}}",
        (
            "models.providers.here.models[0].input[1]: there is no such choice; "
            'expected "text", "image", "audio" or "video". Did you mean image?'
        ),
    ),
    (
        "{models: {providers: {here: {models: [], apiKey: »''}}}}",
        "models.providers.here.apiKey: this is empty; leave the key out",
    ),
    (
        "{models: {providers: {here: {models: [], apiKey: »'sk-12\\n'}}}}",
        "models.providers.here.apiKey: this begins or ends with white space",
    ),
    (
        "{models: {providers: {here: {models: [], apiKey: »'sk-1\\n2'}}}}",
        "models.providers.here.apiKey: this has characters that cannot be sent in a header",
    ),
    (
        "{models: {providers: {here: {models: [], apiKey: »12}}}}",
        "models.providers.here.apiKey: found a number; expected",
    ),
    (
        "{models: {providers: {here: {models: [], headers: {»'X Y': 'v'}}}}}",
        'models.providers.here.headers["X Y"]: this is no name of a header',
    ),
    (
        "{models: {providers: {here: {models: [], headers: {'X-A': 'v',\n»'x-a': 'w'}}}}}",
        "models.providers.here.headers.x-a: the header x-a is there twice, first in line 1",
    ),
    (
        "{models: {providers: {here: {models: [], request: {tls: {ca: »'-----BEGIN CERTIFICATE-----'}}}}}}",
        "models.providers.here.request.tls.ca: this is the certificate itself; write the path of the file",
    ),
    (
        "{models: {providers: {here: {models: [], request: {tls: {ca: »''}}}}}}",
        "models.providers.here.request.tls.ca: this is no path",
    ),
    # what would change how a request travels, and is not built
    (
        "{models: {providers: {here: {models: [], api: »'anthropic-messages'}}}}",
        "models.providers.here.api: anthropic-messages is not built yet; supported: openai-completions",
    ),
    (
        "{models: {providers: {here: {models: [], auth: »'oauth'}}}}",
        "models.providers.here.auth: oauth is not built yet; supported: api-key",
    ),
    (
        "{models: {providers: {here: {models: [], apiKey: »{source: 'env', provider: 'default', id: 'K'}}}}}",
        'models.providers.here.apiKey: references to secrets are not built yet; supported: text, or "${NAME}"',
    ),
    (
        "{models: {providers: {here: {models: [], headers: {X: »{source: 'file', provider: 'p', id: '/k'}}}}}}",
        "models.providers.here.headers.X: references to secrets are not built yet",
    ),
    (
        "{models: {providers: {here: {models: [], apiKey: »{sauce: 1}}}}}",
        "models.providers.here.apiKey: found an object; expected text",
    ),
    *(
        (
            f"{{models: {{providers: {{here: {{models: [], »{key}: {value}}}}}}}}}",
            f"models.providers.here.{key}: this is not supported: {instead}",
        )
        for key, value, instead in (
            ("timeoutSeconds", "300", "a local server is waited for patiently"),
            ("authHeader", "false", "an `Authorization` in `headers` replaces the automatic one"),
            ("localService", "{}", "start the server yourself"),
        )
    ),
    *(
        (
            f"{{models: {{providers: {{here: {{models: [], request: {{»{key}: {{}}}}}}}}}}}}",
            f"models.providers.here.request.{key}: this is not supported: ",
        )
        for key in ("headers", "auth", "proxy", "allowPrivateNetwork")
    ),
    *(
        (
            f"{{models: {{providers: {{here: {{models: [], request: {{tls: {{»{key}: 'x'}}}}}}}}}}}}",
            f"models.providers.here.request.tls.{key}: this is not supported: ",
        )
        for key in ("cert", "key", "passphrase", "serverName", "insecureSkipVerify")
    ),
    *(
        (
            f"{{models: {{providers: {{here: {{models: [{{id: 'm', »{key}: 'x'}}]}}}}}}}}",
            f"models.providers.here.models[0].{key}: this is not supported: set `{key}` at the provider",
        )
        for key in ("api", "baseUrl")
    ),
    # model entries
    (
        "{agents: {defaults: {models: {»here: {}}}}}",
        (
            "agents.defaults.models.here: this is no model reference; expected provider/model or provider/*. "
            "Did you mean here/*?"
        ),
    ),
    (
        "{models: {providers: {here: {models: [{id: 'm'}]}}}, agents: {defaults: {models: {»m: {}}}}}",
        (
            "agents.defaults.models.m: this is no model reference; expected provider/model or provider/*. "
            "Did you mean here/m?"
        ),
    ),
    (
        "{agents: {defaults: {models: {»'here/ ': {}}}}}",
        'agents.defaults.models["here/ "]: this is no model reference; expected provider/model or provider/*',
    ),
    (
        "{agents: {defaults: {models: {'here/m': {},\n »'Here/m': {}}}}}",
        "agents.defaults.models.Here/m: the model here/m is there twice, first in line 1",
    ),
    (
        "{agents: {defaults: {models: {'here/m': {alias: 'a'},\n »'here/n': {alias: 'a'}}}}}",
        "agents.defaults.models.here/n: the alias a is there twice, first in line 1",
    ),
    (
        "{agents: {defaults: {models: {'here/m': »'a'}}}}",
        "agents.defaults.models.here/m: found text; expected an object",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), MISTAKES)
def test_a_mistake_is_told_with_its_place(text: str, sentence: str, folder: Folder, marked: Split) -> None:
    text, line, column = marked(text)
    (problem,) = folder.errors(text)
    assert problem.sentence.startswith(sentence)
    assert (problem.file, problem.line, problem.column) == (folder.file, line, column)
    assert problem.render() == f"{folder.file}:{line}:{column}: {problem.sentence}"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "this is no URL: it begins with neither http:// nor https://"),
        ("127.0.0.1:8000/v1", "this is no URL: it begins with neither http:// nor https://"),
        ("localhost:8000/v1", "this is no URL: it begins with neither http:// nor https://"),
        ("ftp://h/v1", "this is no URL: it begins with neither http:// nor https://"),
        ("http:///v1", "this URL has no host"),
        ("http://:8000/v1", "this URL has no host"),
        ("http://h:0/v1", "this URL has no port"),
        ("http://h:99999/v1", "this is no URL (port out of range 0-65535)"),
        ("http://h:x/v1", "this is no URL (port could not be cast"),
        ("http://[::1/v1", "this is no URL (invalid IPv6 URL)"),
        ("http://a b/v1", "this is no URL: it has white space in it"),
        ("http://h/v1\n", "this is no URL: it has white space in it"),
        ("http://me:secret@h/v1", "this URL has a user or password in it; put the key into `apiKey`"),
        ("http://h/v1?key=secret", "this URL has a ? or # in it"),
        ("http://h/v1#a", "this URL has a ? or # in it"),
    ],
)
def test_a_bad_url_says_what_is_wrong_but_never_repeats_it(url: str, sentence: str, folder: Folder) -> None:
    text = f"{{models: {{providers: {{mine: {{models: [], baseUrl: {url!r}}}}}}}}}"
    (problem,) = folder.errors(text)
    assert problem.key_path == "models.providers.mine.baseUrl"
    assert problem.message.startswith(sentence)
    assert problem.expected == "an http:// or https:// URL with a host"
    assert (problem.line, problem.column) == (1, text.index("baseUrl: ") + len("baseUrl: ") + 1)
    assert "secret" not in problem.render()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "HTTPS://h/v1/", "http://[::1]:8000/v1", "http://h"])
def test_a_good_url_is_taken(url: str, folder: Folder) -> None:
    config = folder.load(f"{{models: {{providers: {{mine: {{models: [], baseUrl: {url!r}}}}}}}}}")
    assert config.providers["mine"].base_url == url.rstrip("/")


def test_several_mistakes_are_told_at_once_in_the_order_of_the_file(folder: Folder) -> None:
    text = """{
      chat: { history: "yes" },
      modles: {},
      chat: { hystory: true, history: 5 },
      models: { providers: { mine: { baseUrl: "h" } } },
    }"""
    with pytest.raises(InvalidConfig) as caught:
        folder.load(text)
    places = [(problem.line, problem.key_path) for problem in caught.value.errors]
    assert places == [
        (3, "modles"),
        (4, ""),
        (4, "chat.hystory"),
        (4, "chat.history"),
        (5, "models.providers.mine"),
        (5, "models.providers.mine.baseUrl"),
    ]
    assert caught.value.message.startswith("The configuration has 6 mistakes:\n")
    assert caught.value.message.count("\n") == 6
    assert "fluffbuzz config validate" in caught.value.next_step


def test_no_mistake_repeats_a_secret(folder: Folder) -> None:
    text = """{
      models: { providers: { here: {
        models: [], apiKey: "sk-secret\\n", headers: {A: " sk-secret", "B C": "sk-secret"},
        timeoutSeconds: "sk-secret", request: { auth: { token: "sk-secret" } } } } },
      env: { vars: ["sk-secret"] }, chat: "sk-secret",
    }"""
    with pytest.raises(InvalidConfig) as caught:
        folder.load(text)
    assert len(caught.value.errors) == 7
    assert "sk-secret" not in str(caught.value)
    assert "sk-secret" not in "".join(problem.render() for problem in caught.value.problems)


UNREADABLE = [
    (b"\xef\xbb\xbf{}", 1, 1, "the file begins with a byte order mark; save it as UTF-8 without one"),
    ("{}".encode("utf-16"), 1, 1, "the file is UTF-16; save it as UTF-8"),
    ("{\n a: '\u00e9".encode() + b"\xff'}", 2, 7, "the file is not UTF-8"),
    (b" " * (2 * 1024 * 1024 + 1), 0, 0, "this file cannot be read: it is larger than 2 MiB"),
]


@pytest.mark.parametrize(("data", "line", "column", "sentence"), UNREADABLE)
def test_bytes_that_are_no_text_are_a_clear_mistake(
    data: bytes, line: int, column: int, sentence: str, folder: Folder
) -> None:
    folder.write(data)
    with pytest.raises(InvalidConfig) as caught:
        load(folder.file, {}, BUNDLED)
    (problem,) = caught.value.problems
    assert problem.message.startswith(sentence)
    assert (problem.line, problem.column) == (line, column)


def test_a_problem_of_a_whole_file_has_no_line() -> None:
    assert Problem("error", Path("/a/b"), 0, 0, "", "it is gone").render() == "/a/b: it is gone"


def test_a_directory_a_device_and_a_forbidden_file_are_clear_mistakes(folder: Folder) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    def fail(path: Path) -> bytes:
        raise OSError

    folder.file.mkdir()
    inside = folder.write("{}", "file") / "fluffbuzz.json"
    sentences = []
    for path, read in (
        (folder.file, None),
        (Path("/dev/null"), None),
        (inside, None),
        (inside, refuse),
        (inside, fail),
    ):
        with pytest.raises(InvalidConfig) as caught:
            load(path, {}, BUNDLED, read) if read else load(path, {}, BUNDLED)
        (problem,) = caught.value.problems
        sentences.append(problem.message.removeprefix("this file cannot be read: "))
    assert sentences == [
        "it is a directory",
        "it is no regular file",
        "not a directory",
        "permission denied",
        "OSError",
    ]
