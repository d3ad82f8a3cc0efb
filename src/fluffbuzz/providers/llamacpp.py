"""llama.cpp's own HTTP server: its defaults, and the sentences it says (checked against the recordings)."""

from __future__ import annotations

from fluffbuzz.core.failure import FailureKind, Wording
from fluffbuzz.providers.provider import Provider

WORDINGS = (
    Wording(
        r"exceeds the available context size",
        FailureKind.CONTEXT_OVERFLOW,
        "Shorten the message, begin a new conversation, or start llama.cpp with a larger --ctx-size.",
    ),
    Wording(
        r"image input is not supported",
        FailureKind.IMAGE_REFUSED,
        "The served model reads text only. Send the text alone, or start llama.cpp with --mmproj FILE.",
    ),
    Wording(
        r"tools param requires --jinja",
        FailureKind.TOOLS_REFUSED,
        "Start llama.cpp with --jinja.",
    ),
)

PROVIDER = Provider(
    id="llamacpp",
    label="llama.cpp",
    base_url="http://127.0.0.1:8080/v1",
    env_vars=("LLAMACPP_API_KEY",),
    start_command="llama-server --model FILE.gguf --jinja",
    example_model="qwen2.5-7b-instruct",
    wordings=WORDINGS,
)
