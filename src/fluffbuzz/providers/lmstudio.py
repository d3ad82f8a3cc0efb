"""LM Studio: its defaults, from its documentation."""

from __future__ import annotations

from fluffbuzz.providers.provider import Provider

PROVIDER = Provider(
    id="lmstudio",
    label="LM Studio",
    base_url="http://127.0.0.1:1234/v1",
    env_vars=("LMSTUDIO_API_KEY", "LM_API_TOKEN"),
    start_command="lms server start",
    example_model="qwen2.5-7b-instruct",
)
