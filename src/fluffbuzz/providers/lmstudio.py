"""LM Studio: its defaults, from its documentation, and the sentences that its users report."""

from __future__ import annotations

from fluffbuzz.core.failure import FailureKind, Wording
from fluffbuzz.providers.provider import Provider

PROVIDER = Provider(
    id="lmstudio",
    label="LM Studio",
    base_url="http://127.0.0.1:1234/v1",
    env_vars=("LMSTUDIO_API_KEY", "LM_API_TOKEN"),
    start_command="lms server start",
    example_model="qwen2.5-7b-instruct",
    wordings=(
        Wording(
            r"context the overflows|cannot truncate prompt with n_keep|tokens to keep from the initial prompt",
            FailureKind.CONTEXT_OVERFLOW,
            "Shorten the message, begin a new conversation, or load the model with a larger context length.",
        ),
        Wording(r"no models? (is |are )?loaded", FailureKind.MODEL_NOT_FOUND, "Load one: lms load MODEL"),
    ),
)
