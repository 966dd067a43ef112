# The environment is made once for each state of pyproject.toml and constraints.txt; every target may be called again at any time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READER := src/kubestill/domains/kubernetes/fastyaml.c
KEY := $(shell cat pyproject.toml constraints.txt $(READER) | cksum | cut -d' ' -f1)
STAMP := $(VENV)/.set-up-$(KEY)
BENCH_STAMP := $(VENV)/.bench-$(KEY)
RECIPE ?= recipes/kubernetes-small.toml

.DEFAULT_GOAL := help
.PHONY: setup run test check bench help clean

help:  ## Show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(STAMP)  ## Make the environment in .venv (does nothing when it stands)

$(STAMP): pyproject.toml constraints.txt $(READER)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	rm -f $(VENV)/.set-up-*
	touch $@

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	rm -f $(VENV)/.bench-*
	touch $@

run: $(STAMP)  ## The main job: from nothing to a measured model (RECIPE=..., default recipes/kubernetes-small.toml)
	$(BIN)/kubestill run $(RECIPE)

check: $(STAMP)  ## Lint and types
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check  ## Lint, types and the whole test suite
	$(BIN)/pytest -q -n 2 --dist worksteal

bench: $(BENCH_STAMP)  ## Every benchmark; each prints a last line of JSON
	@set -e; for file in bench/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

clean:  ## Remove the environment and caches, never the workspace
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build
