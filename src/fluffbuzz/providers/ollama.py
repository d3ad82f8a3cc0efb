"""Ollama, spoken to through its OpenAI-compatible endpoint: its defaults, from its documentation."""

from __future__ import annotations

from fluffbuzz.providers.provider import Provider

PROVIDER = Provider(
    id="ollama",
    label="Ollama",
    base_url="http://127.0.0.1:11434/v1",
    env_vars=("OLLAMA_API_KEY",),
    start_command="ollama serve",
    example_model="llama3.2",
)
