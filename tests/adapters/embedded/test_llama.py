"""How llama.cpp's server is set up, against the real package's own parameters; no model is loaded here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import xllamacpp
from tests.adapters.embedded.sources import KNOWN

from fluffbuzz.adapters.embedded.llama import PARALLEL, WINDOW, parameters
from fluffbuzz.adapters.embedded.weights import SMOLLM2, Weights
from fluffbuzz.core.credential import Secret

WEIGHTS = Weights(Path("/somewhere/Tiny.gguf"), KNOWN.model, KNOWN.size, KNOWN.sha256, "a test")


def test_it_listens_on_loopback_only_and_answers_nobody_without_the_key() -> None:
    params = parameters(xllamacpp.CommonParams(), WEIGHTS, Secret("s3cret"))
    assert (params.hostnames, params.port) == (["127.0.0.1"], 0)
    assert params.api_keys == ["s3cret"]
    assert not params.ui
    assert not params.endpoint_slots
    assert params.cors_origins != "*"


def test_every_request_has_the_whole_window() -> None:
    params = parameters(xllamacpp.CommonParams(), WEIGHTS, Secret("s3cret"))
    assert params.n_ctx == WINDOW * params.n_parallel == WINDOW * PARALLEL
    assert not params.kv_unified


def test_unknown_weights_keep_their_own_template_and_sampling() -> None:
    untouched = xllamacpp.CommonParams()
    params = parameters(xllamacpp.CommonParams(), WEIGHTS, Secret("s3cret"))
    assert params.use_jinja
    assert params.chat_template == ""
    assert params.sampling.temp == untouched.sampling.temp


def test_the_default_model_gets_the_manners_in_which_it_answers_best() -> None:
    params = parameters(xllamacpp.CommonParams(), replace(WEIGHTS, sha256=SMOLLM2.sha256), Secret("s3cret"))
    assert round(params.sampling.temp, 3) == 0.1
    assert "You are a helpful AI assistant." in params.chat_template
