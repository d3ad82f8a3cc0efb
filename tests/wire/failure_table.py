"""What a failed response means: one table from status and body to the kind of failure.

*recorded*: the bytes stand in the recordings. *documented*: the shape is that of the server's documentation or of its
users' reports; nobody here has seen it come off a socket. Print it: `python -m tests.wire.failure_table`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tests import recorded as recordings
from tests.wire import golden

from fluffbuzz.core.failure import FailureKind as K
from fluffbuzz.core.failure import OverflowNumbers

RECORDED, DOCUMENTED = "recorded", "documented"
NO_NUMBERS = OverflowNumbers(None, None)


@dataclass(frozen=True)
class Row:
    """One response: from which server (`provider` lends its wordings), its status and body, and what it means."""

    server: str
    provider: str
    origin: str
    status: int
    body: bytes
    kind: K
    advice: str = ""
    numbers: OverflowNumbers = NO_NUMBERS

    def __str__(self) -> str:
        words = self.body.decode("utf-8", "replace")
        shown = words if len(words) <= 80 else f"{words[:79]}…"
        return f"{self.kind:<17} {self.status}  {self.server:<12} {self.origin:<11} {shown}"


_ADVICE = {
    "llama.cpp/error_prompt_over_window": "--ctx-size",
    "vllm-0.32/failures/after_engine_death_chat": "Restart vLLM",
    "vllm-0.32/failures/error_queue_full": "--max-num-queued-reqs",
    "vllm-0.32/failures/error_queue_full_stream": "--max-num-queued-reqs",
    "vllm-0.32/plain/error_image_to_text_model": "vision model",
    "vllm-0.32/plain/error_prompt_over_window": "--max-model-len",
    "vllm-0.32/plain/error_tools_without_parser": "--enable-auto-tool-choice --tool-call-parser",
}
_NUMBERS = {
    "llama.cpp/error_prompt_over_window": OverflowNumbers(4096, 6031),
    "vllm-0.32/plain/error_prompt_over_window": OverflowNumbers(4096, 4097),
    "vllm-0.32/plain/error_max_tokens_over_window": OverflowNumbers(4096, None),
}


def _recorded() -> Iterator[Row]:
    for name, kind in golden.ERRORS.items():
        server = name.partition("/")[0]
        provider = {"llama.cpp": "llamacpp", "vllm-0.32": "vllm"}[server]
        response = recordings.load(name)
        numbers = _NUMBERS.get(name, NO_NUMBERS)
        yield Row(server, provider, RECORDED, response.status, response.body, kind, _ADVICE.get(name, ""), numbers)


def _documented(
    server: str,
    provider: str,
    status: int,
    body: object,
    kind: K,
    advice: str = "",
    numbers: tuple[int | None, int | None] = (None, None),
) -> Row:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Row(server, provider, DOCUMENTED, status, raw, kind, advice, OverflowNumbers(*numbers))


def _object(message: str, kind: str | None = None, code: object = None, param: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _flat(message: str, kind: str = "BadRequestError", code: int = 400) -> dict[str, object]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


_openai = partial(_documented, "OpenAI", "openai")
_vllm = partial(_documented, "vLLM", "vllm")
_llamacpp = partial(_documented, "llama.cpp", "llamacpp")
_sglang = partial(_documented, "SGLang", "sglang")
_ollama = partial(_documented, "Ollama", "ollama")
_lmstudio = partial(_documented, "LM Studio", "lmstudio")
_litellm = partial(_documented, "LiteLLM", "my-litellm")
_proxy = partial(_documented, "a proxy", "somebody")

_INVALID = "invalid_request_error"
_REQUESTED = (
    "This model's maximum context length is 8192 tokens. However, you requested 8334 tokens (338 in the messages, 7996"
    " in the completion). Please reduce the length of the messages or completion."
)
_TOO_LARGE = (
    "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens"
    " and your request has 40 input tokens (5000 > 4096 - 40)."
)
_CHARACTERS = (
    "This model's maximum context length is 128 tokens. However, your prompt contains 9000 characters (more than 4096"
    " characters, which is the upper bound for 128 input tokens). Please reduce the length of the input prompt."
)
_KEEP = (
    "Trying to keep the first 10136 tokens when context the overflows. However, the model is loaded with context length"
    " of only 7866 tokens, which is not enough. Try to load the model with a larger context length, or provide a"
    " shorter input"
)
_INITIAL = (
    "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 15028>= n_ctx:"
    " 7424)"
)
_LITELLM_LONG = (
    "litellm.BadRequestError: litellm.ContextWindowExceededError: AnthropicError - prompt is too long: 209303 tokens >"
    " 200000 maximum"
)
_NO_TEMPLATE = (
    "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the"
    " tokenizer does not define one."
)
_FORBIDDEN = "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted'}]"
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_UNSUPPORTED = "Unsupported parameter: 'max_tokens' is not supported with this model."

ROWS: tuple[Row, ...] = (
    *_recorded(),
    _openai(401, _object("Incorrect API key provided: sk-…", _INVALID, "invalid_api_key"), K.AUTH),
    _openai(403, _object("Country, region, or territory not supported", "request_forbidden"), K.AUTH),
    _openai(429, _object(_QUOTA, "insufficient_quota", "insufficient_quota"), K.BILLING),
    _openai(429, _object("Rate limit reached for gpt-5 …", "tokens", "rate_limit_exceeded"), K.RATE_LIMIT),
    _openai(429, _object("The engine is currently overloaded, please try again later", "server_error"), K.RATE_LIMIT),
    _openai(404, _object("The model `x` does not exist …", _INVALID, "model_not_found"), K.MODEL_NOT_FOUND),
    _openai(400, _object(_REQUESTED, _INVALID, "context_length_exceeded"), K.CONTEXT_OVERFLOW, "", (8192, 338)),
    _openai(
        400,
        _object(
            "This model's maximum context length is 4097 tokens. However, your messages resulted in 4301 tokens.",
            _INVALID,
            "context_length_exceeded",
            "messages",
        ),
        K.CONTEXT_OVERFLOW,
        "",
        (4097, 4301),
    ),
    _openai(400, _object(_UNSUPPORTED, _INVALID, "unsupported_parameter", "max_tokens"), K.BAD_REQUEST),
    _openai(400, _object("The response was filtered …", None, "content_filter", "prompt"), K.CONTENT_FILTER),
    _openai(500, _object("The server had an error while processing your request", "server_error"), K.SERVER_ERROR),
    _vllm(
        400,
        _object(_CHARACTERS, "BadRequestError", 400, "input_text"),
        K.CONTEXT_OVERFLOW,
        "--max-model-len",
        (128, None),
    ),
    _vllm(400, _flat(_REQUESTED), K.CONTEXT_OVERFLOW, "--max-model-len", (8192, 338)),
    _vllm(400, _flat(_TOO_LARGE), K.CONTEXT_OVERFLOW, "--max-model-len", (4096, 40)),
    _vllm(400, _flat(_FORBIDDEN), K.OPTION_REFUSED),
    _vllm(
        400,
        _object("Stream options can only be set when stream is true", None, 400, "stream_options"),
        K.OPTION_REFUSED,
    ),
    _vllm(400, _flat("At most 0 image(s) may be provided in one request."), K.IMAGE_REFUSED, "vision model"),
    _vllm(400, _object('tool_choice="required" requires --tool-call-parser to be set'), K.TOOLS_REFUSED, "hermes"),
    _vllm(400, _flat(_NO_TEMPLATE), K.BAD_REQUEST, "--chat-template"),
    _vllm(404, _flat("The model `x` does not exist.", "NotFoundError", 404), K.MODEL_NOT_FOUND),
    _vllm(405, {"detail": "Method Not Allowed"}, K.NOT_FOUND),
    _vllm(
        500, _object("EngineDeadError('EngineCore died')", "InternalServerError", 500), K.SERVER_ERROR, "Restart vLLM"
    ),
    _vllm(501, _object("The model does not support Responses API", "NotImplementedError", 501), K.SERVER_ERROR),
    _vllm(503, {"error": "The model is currently scaling. Please try again later."}, K.OVERLOADED),
    _vllm(503, _object("Generation failed, try again", "ServiceUnavailableError", 503), K.OVERLOADED),
    _sglang(
        400,
        _flat("The input (61709 tokens) is longer than the model's context length (40960 tokens)."),
        K.CONTEXT_OVERFLOW,
        "",
        (40960, 61709),
    ),
    _sglang(401, {"error": "Unauthorized"}, K.AUTH),
    _ollama(404, _object('model "x" not found, try pulling it first', "api_error"), K.MODEL_NOT_FOUND),
    _ollama(404, {"error": "model 'x' not found, try pulling it first"}, K.MODEL_NOT_FOUND),
    _ollama(404, b"404 page not found", K.NOT_FOUND),
    _ollama(500, _object("model requires more system memory (5.6 GiB) than is available (4.2 GiB)"), K.SERVER_ERROR),
    _ollama(503, _object("server busy, please try again.  maximum pending requests exceeded"), K.OVERLOADED),
    _lmstudio(400, {"error": _KEEP}, K.CONTEXT_OVERFLOW, "larger context length", (7866, 10136)),
    _lmstudio(400, {"error": _INITIAL}, K.CONTEXT_OVERFLOW, "larger context length", (7424, 15028)),
    _lmstudio(
        400,
        {"error": "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)"},
        K.CONTEXT_OVERFLOW,
        "larger context length",
        (7424, 15028),
    ),
    _lmstudio(
        404,
        _object("No models loaded. Please load a model …", _INVALID, "model_not_found"),
        K.MODEL_NOT_FOUND,
        "lms load",
    ),
    _litellm(400, _object(_LITELLM_LONG, None, "400"), K.CONTEXT_OVERFLOW, "", (200000, 209303)),
    _litellm(
        400,
        _object("/chat/completions: Invalid model name passed in model=x", _INVALID, "400", "model"),
        K.MODEL_NOT_FOUND,
    ),
    _litellm(401, _object("Authentication Error, Invalid proxy server token passed", "auth_error", "401"), K.AUTH),
    _litellm(429, _object("litellm.RateLimitError: …", "throttling_error", "429"), K.RATE_LIMIT),
    _litellm(500, _object("litellm.APIConnectionError: …", None, "500"), K.SERVER_ERROR),
    _llamacpp(401, {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}, K.AUTH),
    _llamacpp(
        500, {"error": {"code": 500, "message": "image input is not supported - hint: …"}}, K.IMAGE_REFUSED, "--mmproj"
    ),
    _llamacpp(
        500, {"error": {"code": 500, "message": "tools param requires --jinja flag"}}, K.TOOLS_REFUSED, "--jinja"
    ),
    _llamacpp(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, K.OVERLOADED),
    _proxy(402, {"error": "maximum context length of your plan: pay"}, K.BILLING),
    _proxy(403, b"<html>Request blocked</html>", K.AUTH),
    _proxy(404, b"<html>404</html>", K.NOT_FOUND),
    _proxy(408, b"", K.TIMEOUT),
    _proxy(409, {"message": "conflict"}, K.BAD_REQUEST),
    _proxy(413, b"<html>413 Request Entity Too Large</html>", K.CONTEXT_OVERFLOW),
    _proxy(
        422, {"detail": [{"loc": ["body", "stream_options"], "msg": "extra fields not permitted"}]}, K.OPTION_REFUSED
    ),
    _proxy(422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}, K.BAD_REQUEST),
    _proxy(502, b"<html>Bad Gateway</html>", K.SERVER_ERROR),
    _proxy(504, b"<html>Gateway Timeout</html>", K.TIMEOUT),
    _proxy(529, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, K.OVERLOADED),
)


if __name__ == "__main__":
    print(*ROWS, sep="\n")
