# setup   everything for working on Gadfly, in .venv
# check   style, types and layers
# test    the tests
# demo    the runtime only, in .venv, and the demonstration
# bench   the benchmarks (minutes; they write to benchmarks/results)
# soak    20,000 jobs in the sandbox while its parts are killed at random (an hour)
# docs    the reference pages, in docs/reference; then runs what the documentation shows
# clean   removes what these leave behind

VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
HOUSE  := -e . $(patsubst %/pyproject.toml,-e ./%,$(wildcard plugins/*/pyproject.toml sandboxes/*/pyproject.toml))

# What is measured by itself, and what the others import.
NO_BENCH := $(addprefix benchmarks/,soak.py figures.py processes.py)

.PHONY: setup check test demo bench soak docs clean

setup: $(VENV)/.ready-dev

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pyright
	$(BIN)/lint-imports

test: setup
	$(BIN)/pytest

demo: $(VENV)/.ready
	$(BIN)/gadfly demo

bench: setup
	set -e; for file in $(filter-out $(NO_BENCH),$(wildcard benchmarks/*.py)); do echo "$$file"; $(BIN)/python "$$file"; done

soak: setup
	$(BIN)/python benchmarks/soak.py

docs: setup
	$(BIN)/python docs/build_reference.py
	$(BIN)/pytest tests/docs

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# torch by itself and by its pin: a range would let pip take a newer build of several gigabytes.
$(VENV)/.tools: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) pip hatchling editables
	$(PIP) torch
	touch $@

# Without build isolation: hatchling is there already, and is the pinned one.
$(VENV)/.ready: $(VENV)/.tools pyproject.toml $(wildcard plugins/*/pyproject.toml sandboxes/*/pyproject.toml)
	$(PIP) --no-build-isolation $(HOUSE)
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	$(PIP) --no-build-isolation -r requirements-dev.txt
	touch $@
