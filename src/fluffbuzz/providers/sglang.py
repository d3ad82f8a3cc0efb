"""SGLang: its defaults, from its documentation."""

from __future__ import annotations

from fluffbuzz.providers.provider import Provider

PROVIDER = Provider(
    id="sglang",
    label="SGLang",
    base_url="http://127.0.0.1:30000/v1",
    env_vars=("SGLANG_API_KEY",),
    start_command="python -m sglang.launch_server --model-path MODEL",
    example_model="Qwen/Qwen3-8B",
)
