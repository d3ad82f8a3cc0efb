# Everything a newcomer or CI does. The two that matter: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

.PHONY: help run setup test check test-live bench soak lock format clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

run: $(STAMP)  ## a chat on a terminal, or the answer to PROMPT
	@if [ -n "$$FLUFFBUZZ_PROMPT" ]; then $(BIN)/fluffbuzz ask -- "$$FLUFFBUZZ_PROMPT"; else $(BIN)/fluffbuzz chat; fi
run: export FLUFFBUZZ_PROMPT := $(if $(filter command,$(origin PROMPT)),$(value PROMPT))

setup: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("FluffBuzz needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || (echo "The venv module is missing; on Debian: apt install python3-venv" >&2; exit 1)
	@echo "Setting up $(VENV), once; this takes about half a minute …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $@

test: $(STAMP)  ## every test that needs no real server, with the coverage that is promised
	$(BIN)/python -m pytest tests --ignore=tests/live -n auto --cov --cov-report=
	$(BIN)/coverage report --show-missing --fail-under=100 \
	  --include='src/fluffbuzz/core/*,src/fluffbuzz/wire/*,src/fluffbuzz/providers/*'

check: $(STAMP)  ## format, lint, types, import layers, sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases scripts tests/live benchmarks soak
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_architecture.py

test-live: $(STAMP)  ## against a real vLLM and the real small model, set up from nothing
	$(BIN)/python scripts/live_servers.py setup >/dev/null
	$(BIN)/python -m pytest tests/live

bench: $(STAMP)  ## ratios to peers and floors of the same run, into docs/benchmarks.md
	$(BIN)/python scripts/live_servers.py setup >/dev/null
	$(BIN)/python benchmarks/run.py

soak: $(STAMP)  ## what takes longer than CI may, results into docs/soak.md
	$(BIN)/python scripts/live_servers.py setup >/dev/null
	$(BIN)/python soak/run.py

lock: $(STAMP)  ## versions and hashes anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  --extra embedded --extra huggingface --group dev pyproject.toml -o requirements/dev.txt

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
