"""OpenAI itself, the one native endpoint: its hosts understand what is sent to nobody else.

Answers cost money there, so FluffBuzz never picks one of its models by itself.
"""

from __future__ import annotations

from fluffbuzz.providers.provider import Provider

PROVIDER = Provider(
    id="openai",
    label="OpenAI",
    base_url="https://api.openai.com/v1",
    env_vars=("OPENAI_API_KEY",),
    native_hosts=("api.openai.com", "openai.azure.com"),
    picks_default=False,
    example_model="gpt-5-mini",
)
