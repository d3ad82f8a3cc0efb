"""llama.cpp's own HTTP server inside this process: how it is set up, and what its counters say.

Rule: nothing answers but `/health` without the key, and every request has the whole window to itself.
"""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fluffbuzz.adapters.embedded.idle import Activity
from fluffbuzz.adapters.embedded.weights import SMOLLM2, Weights
from fluffbuzz.core.credential import Secret

PARALLEL = 2
"""Requests answered at the same time; more wait for their turn. Each costs 180 MB with the default model."""

WINDOW = 8192
"""Tokens for each of them; a model trained for fewer gets those."""

BATCH = 512
"""Tokens of a prompt computed in one go; others are served in between."""

PROMPT_CACHE_MIB = 128
MAX_THREADS = 4
PROPS_SECONDS = 10.0

LONGEST_ANSWER = 1024
"""Tokens after which an answer ends where nobody set a limit: so small a model may repeat itself for ever."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a model answers best where a request does not say otherwise."""

    temperature: float
    top_p: float
    chat_template: str


MANNERS = {
    # Measured with 30 seeds on each of seven simple questions (the capital of France, 2+2 …): with the model's own
    # template, which says its name and maker where there is no system message, the capital of France is right in 1
    # answer of 3, with this one in 97 %; greedy answers are all right. Its makers recommend a temperature of 0.2.
    SMOLLM2.sha256: Manners(
        temperature=0.1,
        top_p=0.9,
        chat_template=(
            "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
            "{{ '<|im_start|>system\nYou are a helpful AI assistant.<|im_end|>\n' }}{% endif %}"
            "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
        ),
    )
}


class LlamaServer:
    """The running server.

    Attributes:
        origin: `http://127.0.0.1:PORT`.
        window: tokens for each request.
    """

    def __init__(self, weights: Weights, api_key: Secret) -> None:
        """Load the weights and serve; returns when requests are answered.

        Raises:
            RuntimeError: llama.cpp cannot serve them; it has written why to standard error.
        """
        import xllamacpp  # 34 MB of native code, wanted by the service process only

        self._server: Any = xllamacpp.Server(parameters(xllamacpp.CommonParams(), weights, api_key))
        self.origin: str = self._server.listening_address
        self.window = _window(self.origin, api_key)

    def activity(self) -> Activity:
        """What the counters say now; asked inside the process, which llama.cpp does not count as a request."""
        return read_metrics(self._server.handle_metrics())


def parameters(params: Any, weights: Weights, api_key: Secret) -> Any:
    """Set up the parameters of a server; each setting that is not llama.cpp's own has its reason in this module."""
    params.model.path = str(weights.path)
    params.model_alias = {weights.model}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [api_key.reveal()]
    params.cors_origins = "http://127.0.0.1"  # its default tells browsers that every page may ask
    params.ui = False
    params.endpoint_slots = False  # would show prompts
    params.endpoint_metrics = True
    params.use_jinja = True
    params.n_parallel = PARALLEL
    params.n_ctx = PARALLEL * WINDOW
    params.n_predict = LONGEST_ANSWER
    params.kv_unified = False  # a shared cache would let one long conversation starve another
    params.n_batch = params.n_ubatch = BATCH
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads(_processors())
    if (manners := MANNERS.get(weights.sha256)) is not None:
        params.sampling.temp = manners.temperature
        params.sampling.top_p = manners.top_p
        params.chat_template = manners.chat_template
    return params


def threads(processors: int) -> int:
    """How many threads compute: one processor is left to the user, and so small a model gains little from many."""
    return max(1, min(MAX_THREADS, processors - 1))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_metrics(text: str) -> Activity:
    """The activity that a Prometheus page of llama.cpp tells of: running requests, and all counters."""
    values: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name.startswith("llamacpp:"):
            values[name.removeprefix("llamacpp:")] = float(value)
    is_busy = values.get("requests_processing", 0) + values.get("requests_deferred", 0) > 0
    return Activity(is_busy, tuple(value for name, value in sorted(values.items()) if name.endswith("_total")))


def _window(origin: str, api_key: Secret) -> int:
    """The window that every request really has."""
    address = urlsplit(origin)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PROPS_SECONDS)
    try:
        connection.request("GET", "/props", headers={"Authorization": f"Bearer {api_key.reveal()}"})
        props = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return int(props["default_generation_settings"]["n_ctx"])
