"""vLLM: its defaults, what its server understands, and the sentences it says.

Checked against vLLM 0.32.0 (the recordings beside the tests) and the source of 0.33.0.
"""

from __future__ import annotations

from fluffbuzz.core.failure import FailureKind, Wording
from fluffbuzz.providers.provider import Provider
from fluffbuzz.wire.openai_chat_request import Extras

_TOOL_FLAGS = (
    "Start vLLM with --enable-auto-tool-choice --tool-call-parser NAME, where NAME fits the model "
    "(hermes for Qwen2.5 and SmolLM2, llama3_json for Llama 3, mistral for Mistral)."
)
_ENGINE_DIED = "The engine behind the server has died. Restart vLLM; its log says why (often too little memory)."

PROVIDER = Provider(
    id="vllm",
    label="vLLM",
    base_url="http://127.0.0.1:8000/v1",
    env_vars=("VLLM_API_KEY",),
    rank=0,
    extras=Extras(usage=True, continuous_usage=True, continuation=True),
    start_command="vllm serve MODEL",
    example_model="meta-llama/Meta-Llama-3-8B-Instruct",
    wordings=(
        Wording(r"--enable-auto-tool-choice|requires --tool-call-parser", FailureKind.TOOLS_REFUSED, _TOOL_FLAGS),
        Wording(
            r"is not a multimodal model|at most 0 image",
            FailureKind.IMAGE_REFUSED,
            "The served model reads text only. Send the text alone, or serve a vision model.",
        ),
        Wording(r"EngineCore encountered|EngineDead|engine.{0,20}dead", FailureKind.SERVER_ERROR, _ENGINE_DIED),
        Wording(
            r"engine is currently busy",
            FailureKind.OVERLOADED,
            "Its queue is full (--max-num-queued-reqs). Try again in a moment.",
        ),
        Wording(
            r"maximum context length is",
            FailureKind.CONTEXT_OVERFLOW,
            "Shorten the message, begin a new conversation, or serve the model with a larger --max-model-len.",
        ),
        Wording(
            r"default chat template is no longer allowed|must provide a chat template|chat_template is not set",
            FailureKind.BAD_REQUEST,
            "The model has no chat template (a base model?). Serve an instruct model, or add --chat-template FILE.",
        ),
    ),
)
