"""The embedded model: a small real model that FluffBuzz serves itself where the user has opted in to no provider."""

from __future__ import annotations

from fluffbuzz.providers.llamacpp import WORDINGS
from fluffbuzz.providers.provider import Provider

PROVIDER = Provider(
    id="embedded",
    label="the embedded model",
    is_background_service=True,
    start_command="fluffbuzz embedded pull",
    example_model="smollm2-135m-instruct",
    wordings=WORDINGS,
)
