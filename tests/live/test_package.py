"""The built wheel, in an empty environment and without the checkout: it installs, holds what it needs, and answers."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.live.servers import VllmServer

ROOT = Path(__file__).parents[2]
INSTALL_SECONDS = 300.0
RUN_SECONDS = 60.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, timeout=INSTALL_SECONDS)
    return next(folder.glob("fluffbuzz-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `fluffbuzz` command of an environment that holds the wheel and what it declares, nothing else."""
    venv = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=INSTALL_SECONDS)
    install = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, str(wheel)], check=True, timeout=INSTALL_SECONDS)
    return venv / "bin" / "fluffbuzz"


def test_the_wheel_holds_its_migrations_its_type_marker_and_its_license_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("migrations/0001_conversations.sql") for name in names)
    assert "fluffbuzz/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "benchmarks/", "scripts/")) for name in names)


def test_the_installed_program_answers_without_the_checkout(installed: Path, vllm: VllmServer, tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(tmp_path),
        "VLLM_API_KEY": str(vllm.api_key),
    }

    def run(*arguments: str) -> str:
        command = [str(installed), *arguments]
        done = subprocess.run(
            command,
            env=env,
            cwd=tmp_path,
            check=True,
            timeout=RUN_SECONDS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        return done.stdout.decode()

    assert run("--version").startswith("fluffbuzz ")
    run("config", "set", "models.providers.vllm.baseUrl", vllm.base_url)
    run("config", "set", 'agents.defaults.models["vllm/*"]', "{}")
    assert "4,096" in run("models", "list")
    assert run("ask", "--max-tokens", "8", "Say hello.").strip()
    assert "Say hello." in run("sessions", "list")
