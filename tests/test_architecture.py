"""The plan of the house as tests: sizes, docstrings, broad excepts, and where vendors may be named.

Vendors are data of `providers/`; what they are called stands nowhere else. Exceptions to that are listed below, each
with its reason, and an exception that is no longer needed fails too.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fluffbuzz.providers import bundled_ids, find

SOURCE = Path(__file__).parent.parent / "src" / "fluffbuzz"
FILES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40

each_file = pytest.mark.parametrize("name", FILES)


@cache
def text_of(name: str) -> str:
    return (SOURCE / name).read_text("utf-8")


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(text_of(name))


def test_the_source_is_found():
    assert {"core/usage.py", "wire/sse.py", "providers/vllm.py"} <= set(FILES)


# --- sizes


@each_file
def test_a_file_has_at_most_400_lines(name: str):
    assert len(text_of(name).splitlines()) <= MAX_FILE_LINES


@each_file
def test_a_function_has_at_most_40_lines(name: str):
    functions = (node for node in ast.walk(tree_of(name)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    sizes = {f"{node.name}, line {node.lineno}": (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert not {place: lines for place, lines in sizes.items() if lines > MAX_FUNCTION_LINES}


# --- what every module says and what none does


@each_file
def test_a_module_says_what_it_is_for(name: str):
    is_bare_package = name.endswith("__init__.py") and not tree_of(name).body
    assert is_bare_package or ast.get_docstring(tree_of(name))


@each_file
def test_no_module_has_a_name_that_says_nothing(name: str):
    empty = {"utils", "util", "helpers", "helper", "manager", "handler", "base", "common", "misc"}
    assert not empty & {part.removesuffix(".py") for part in Path(name).parts}


@each_file
def test_a_broad_except_raises_again_or_gives_its_reason(name: str):
    lines = text_of(name).splitlines()
    broad = (node for node in ast.walk(tree_of(name)) if isinstance(node, ast.ExceptHandler) and _swallows_all(node))
    bare = [node.lineno for node in broad if not re.search(r"# noqa: \S+ --? \w+", lines[node.lineno - 1])]
    assert not bare


def _swallows_all(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException") for kind in caught)


@each_file
def test_every_suppressed_lint_or_type_error_gives_its_reason(name: str):
    for token in _comments(name):
        if re.search(r"#\s*(noqa|type:\s*ignore)", token.string):
            assert re.search(r"(noqa: [A-Z0-9, ]+--?|ignore\[[\w, -]+\]\s+#) \S+", token.string), token.line


def _comments(name: str) -> Iterator[tokenize.TokenInfo]:
    tokens = tokenize.generate_tokens(io.StringIO(text_of(name)).readline)
    return (token for token in tokens if token.type == tokenize.COMMENT)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("core/", "providers/"))])
def test_values_are_frozen_and_slotted(name: str):
    public = (node for node in tree_of(name).body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))
    for value in public:
        for decorator in map(ast.unparse, value.decorator_list):
            assert not decorator.startswith("dataclass") or {"frozen=True", "slots=True"} <= set(
                re.findall(r"\w+=\w+", decorator)
            ), value.name


# --- vendors

PROVIDERS = [find(name) for name in bundled_ids()]
NAMES = sorted(
    {name.lower() for found in PROVIDERS if not found.is_background_service for name in (found.id, found.label)}
)
VENDOR = re.compile("|".join(re.escape(name).replace(r"\ ", r"[ -]?") for name in NAMES), re.IGNORECASE)
AT_HOME = ("providers/", "wire/", "testing/")

DIALECTS = (
    "openai-completions",
    "openai-responses",
    "openai-chatgpt-responses",
    "azure-openai-responses",
)
"""What is spoken, whoever speaks it: the values of `api`."""

MODULES = re.compile(r"fluffbuzz\.wire\.openai_\w+")

EXCEPTIONS: dict[str, dict[str, str]] = {
    "core/route.py": {"OpenAI": "its docstring explains what native means"},
    "config/keys/providers.py": {
        '"ollama"': "a documented value of `api`, named to say that it is not spoken",
        "injectNumCtxForOpenAICompat": "a documented key of the configuration",
    },
    "config/keys/model_rows.py": {
        "requiresOpenAiAnthropicToolPayload": "a documented key of the configuration",
        '"openai"': "a documented value of `thinkingFormat`",
        '"llamacpp"': "a documented value of `toolSchemaProfile`",
    },
    "adapters/embedded/llama.py": {
        "xllamacpp": "the library that this adapter wraps",
        "llama.cpp": "what that library carries",
        "llamacpp:": "the prefix of its counters",
    },
    "adapters/embedded/launcher.py": {"xllamacpp": "the library whose absence it explains", "VLLM_API_KEY": "advice"},
}
"""File, words that stand there, and why."""


def vendors_in(name: str, text: str) -> list[str]:
    """The lines of a file that name a vendor, after what is allowed was taken out."""
    allowed = [*DIALECTS, *EXCEPTIONS.get(name, {})]
    for words in sorted(allowed, key=len, reverse=True):
        text = text.replace(words, "…")
    lines = MODULES.sub("…", text).splitlines()
    return [f"{name}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if VENDOR.search(line)]


def test_the_names_to_look_for_are_those_of_the_providers():
    assert set(NAMES) >= {"vllm", "openai", "sglang", "llama.cpp", "llamacpp", "lm studio", "lmstudio", "ollama"}


@pytest.mark.parametrize(
    ("line", "is_named"),
    [
        ("# works with vLLM only", True),
        ('if provider == "vllm":', True),
        ("VLLM_API_KEY", True),
        ('"""Start LM Studio."""', True),
        ("lm-studio", True),
        ("llama.cpp", True),
        ("OpenAI-compatible", True),
        ("from fluffbuzz.wire.openai_chat_reply import ChatDecoder", False),
        ('dialect = "openai-completions"', False),
        ("a proxy-style route", False),
    ],
)
def test_a_vendor_is_seen_in_code_strings_and_comments_but_not_in_a_dialect(line: str, is_named: bool):
    assert bool(vendors_in("somewhere.py", line)) is is_named


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith(AT_HOME)])
def test_no_vendor_is_named_outside_providers_wire_and_testing(name: str):
    assert vendors_in(name, text_of(name)) == []


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("wire/")])
def test_the_codecs_name_no_vendor_but_the_one_whose_dialects_they_speak(name: str):
    spoken = re.compile(r"OpenAI(?!_)|openai_\w+")
    assert vendors_in(name, spoken.sub("…", text_of(name))) == []


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, found in EXCEPTIONS.items() for words in found])
def test_no_exception_outlives_its_need(name: str, words: str):
    assert words in text_of(name)
