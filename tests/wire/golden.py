"""What every recording of a dialect that is spoken means, told by hand; and the recordings that nobody reads yet.

Usage is (input, output, cached, reasoning) as a person sees it: `8` the server said so, `~62` up to the last chunk that
came, `unknown` nobody said.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluffbuzz.core.discovery import ServedModel
from fluffbuzz.core.failure import FailureKind
from fluffbuzz.core.messages import ToolCall

SMOLLM = "HuggingFaceTB/SmolLM2-135M-Instruct"
PARIS = "The capital of France is Paris."
HELLO = "Hello there! I'm here to help with any kind of"
NO_USAGE = ("unknown", "unknown", "unknown", "unknown")


@dataclass(frozen=True)
class Answer:
    """One choice: what was said, thought and called, and why it ended (empty: it did not)."""

    text: str = ""
    stop: str = "stop"
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Expected:
    """A whole reply."""

    usage: tuple[str, str, str, str]
    choices: tuple[Answer, ...]
    failure: FailureKind | None = None
    model: str = SMOLLM


def _says(text: str, usage: tuple[str, str, str, str], stop: str = "stop", model: str = SMOLLM) -> Expected:
    return Expected(usage, (Answer(text, stop),), model=model)


def _calls_weather(call_id: str, stop: str) -> Expected:
    call = ToolCall(call_id, "get_weather", '"Paris"')
    return Expected(("37", "48", "unknown", "unknown"), (Answer("", stop, calls=(call,)),))


_THINKS = Expected(("33", "12", "unknown", "unknown"), (Answer("", "length", HELLO),))
"""The server reports 0 reasoning tokens for an answer that is all reasoning, which is not believed."""

CHAT_STREAMS: dict[str, Expected] = {
    "llama.cpp/chat_stream_no_usage": _says(PARIS, ("40", "8", "39", "unknown"), model="smollm2-135m-instruct"),
    "llama.cpp/chat_stream_usage": _says(PARIS, ("40", "8", "39", "unknown"), model="smollm2-135m-instruct"),
    "vllm-0.32/failures/engine_died_mid_stream": Expected(
        ("39", "~62", "unknown", "unknown"),
        (
            Answer(
                "The story of a fox is a classic example of a magical tale, one that has been passed down through"
                " generations. It begins with a fox, a small, mischievous creature with a bushy tail and a bushy ears."
                " The fox is a cunning and resourceful animal, always finding ways to outsmart its enemies",
                stop="",
            ),
        ),
        failure=FailureKind.SERVER_ERROR,
    ),
    "vllm-0.32/plain/chat_continue_final_message": _says(
        " Three\n4. Four\n5. Five\n6. Six\n7. Seven\n8. Eight\n9. Nine\n10. Ten", ("48", "31", "0", "unknown")
    ),
    "vllm-0.32/plain/chat_stream_cached_prompt": _says("", ("631", "1", "0", "unknown")),
    "vllm-0.32/plain/chat_stream_cached_prompt_again": _says("", ("631", "1", "512", "unknown")),
    "vllm-0.32/plain/chat_stream_continuous_usage": _says(PARIS, ("40", "8", "0", "unknown")),
    "vllm-0.32/plain/chat_stream_length": _says("The capital of", ("40", "3", "0", "unknown"), "length"),
    "vllm-0.32/plain/chat_stream_logprobs": _says("The capital of", ("40", "3", "0", "unknown"), "length"),
    "vllm-0.32/plain/chat_stream_no_usage": _says(PARIS, NO_USAGE),
    "vllm-0.32/plain/chat_stream_stop_string": _says("The capital of France", ("40", "5", "0", "unknown")),
    "vllm-0.32/plain/chat_stream_two_choices": Expected(
        ("40", "24", "0", "unknown"),
        (
            Answer('The answer to this classic question in French! "Paris"', "length"),
            Answer("I'm glad I could assist. You might want to take", "length"),
        ),
    ),
    "vllm-0.32/plain/chat_stream_unicode": _says(
        "Nameless Café. 🦊\n\n🦊\n\n🦊\n\n🦊\n\n🦊\n\n🦊\n\n🦊\n", ("47", "40", "0", "unknown"), "length"
    ),
    "vllm-0.32/plain/chat_stream_usage": _says(PARIS, ("40", "8", "0", "unknown")),
    "vllm-0.32/reasoning-deepseek_r1/thinking_off_kwargs_stream": _THINKS,
    "vllm-0.32/reasoning-deepseek_r1/thinking_only_stream": _THINKS,
    "vllm-0.32/tools-hermes/json_schema_stream": _says(
        '{\n  "city": "Santorama, Italy"\n}', ("34", "16", "unknown", "unknown")
    ),
    "vllm-0.32/tools-hermes/tool_auto_text_answer_stream": _says(
        "Paris, the City of Light, the capital of art and culture. The weather in Paris is indeed quite unique, with"
        " a mix of sunny days and rainy nights. The city is known for its warm and welcoming atmosphere, with a range"
        " of seasons. The summer months are characterized by the heat and the",
        ("37", "60", "unknown", "unknown"),
        "length",
    ),
    "vllm-0.32/tools-hermes/tool_named_stream": _calls_weather("chatcmpl-tool-a78a4dc5af18f979", "stop"),
    "vllm-0.32/tools-hermes/tool_required_stream": _calls_weather("chatcmpl-tool-96f71cf9d46cb161", "tool_calls"),
    "vllm-0.32/tools-hermes/tool_result_turn_stream": _says(
        "Paris, the City of Light, is a place where the art of weather is woven into the very fabric of the city. The"
        " weather in Paris is a tapestry of colors, with the sun casting a golden glow over the rooftops, the sky is"
        " painted with hues of orange, pink, and purple",
        ("53", "60", "unknown", "unknown"),
        "length",
    ),
}

CHAT_REPLIES: dict[str, Expected] = {
    "llama.cpp/chat": _says(PARIS, ("40", "8", "0", "unknown"), model="smollm2-135m-instruct"),
    "vllm-0.32/plain/chat": _says(PARIS, ("40", "8", "0", "unknown")),
    "vllm-0.32/plain/chat_native_openai_fields": _says(PARIS, ("26", "8", "0", "unknown")),
    "vllm-0.32/plain/chat_prompt_plus_max_tokens_clamped": _says(
        "\n" + "\nA:\n" * 141, ("3,531", "565", "512", "unknown"), "length"
    ),
    "vllm-0.32/plain/error_unknown_role": _says(
        "Hello! I'shine. I'm here to help", ("32", "12", "0", "unknown"), "length"
    ),
    "vllm-0.32/reasoning-deepseek_r1/thinking_only": _THINKS,
    "vllm-0.32/tools-hermes/tool_named": _calls_weather("chatcmpl-tool-9ce3d5cdcf7ec784", "stop"),
    "vllm-0.32/tools-hermes/tool_required": _calls_weather("chatcmpl-tool-a31fd18cf6570961", "tool_calls"),
}

_SMOLLM_ROW = (ServedModel(SMOLLM, 4096, owned_by="vllm"),)

MODEL_LISTS: dict[str, tuple[ServedModel, ...]] = {
    "llama.cpp/models": (ServedModel("smollm2-135m-instruct", 4096, owned_by="llamacpp"),),
    "vllm-0.32/failures/after_engine_death_models": _SMOLLM_ROW,
    "vllm-0.32/plain/models": _SMOLLM_ROW,
}

ERRORS: dict[str, FailureKind] = {
    "llama.cpp/error_bad_json": FailureKind.BAD_REQUEST,
    "llama.cpp/error_prompt_over_window": FailureKind.CONTEXT_OVERFLOW,
    "vllm-0.32/failures/after_engine_death_chat": FailureKind.SERVER_ERROR,
    "vllm-0.32/failures/error_queue_full": FailureKind.OVERLOADED,
    "vllm-0.32/failures/error_queue_full_stream": FailureKind.OVERLOADED,
    "vllm-0.32/plain/embeddings_on_chat_model": FailureKind.NOT_FOUND,
    "vllm-0.32/plain/error_bad_json": FailureKind.BAD_REQUEST,
    "vllm-0.32/plain/error_empty_messages": FailureKind.BAD_REQUEST,
    "vllm-0.32/plain/error_image_to_text_model": FailureKind.IMAGE_REFUSED,
    "vllm-0.32/plain/error_max_tokens_over_window": FailureKind.BAD_REQUEST,
    "vllm-0.32/plain/error_prompt_over_window": FailureKind.CONTEXT_OVERFLOW,
    "vllm-0.32/plain/error_temperature_out_of_range": FailureKind.BAD_REQUEST,
    "vllm-0.32/plain/error_tools_without_parser": FailureKind.TOOLS_REFUSED,
    "vllm-0.32/plain/error_unknown_model": FailureKind.MODEL_NOT_FOUND,
    "vllm-0.32/plain/models_missing_v1": FailureKind.NOT_FOUND,
    "vllm-0.32/plain/models_no_key": FailureKind.AUTH,
    "vllm-0.32/plain/models_wrong_key": FailureKind.AUTH,
}

NOT_SPOKEN_YET = frozenset(
    {
        "llama.cpp/health",
        "llama.cpp/props",
        "llama.cpp/tokenize",
        "vllm-0.32/failures/after_engine_death_health",
        "vllm-0.32/plain/completions_stream",
        "vllm-0.32/plain/health",
        "vllm-0.32/plain/load",
        "vllm-0.32/plain/messages_stream",
        "vllm-0.32/plain/metrics",
        "vllm-0.32/plain/responses",
        "vllm-0.32/plain/responses_stream",
        "vllm-0.32/plain/tokenize_chat",
        "vllm-0.32/plain/tokenize_prompt",
        "vllm-0.32/plain/version",
    }
)
"""Answers of endpoints that FluffBuzz does not talk to yet."""
