# Everything a newcomer needs: `make demo` and `make test`. Both set themselves up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench corpus lock clean format

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

setup: $(STAMP) ## create .venv with pinned, hash-checked dependencies and the `connector` command

demo: setup ## a ramp becomes a Stripe schedule, on bundled emulators (CRM=hubspot or CRM=both for the other story)
	$(BIN)/connector demo $(if $(CRM),--crm $(CRM))

test: setup ## run all tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup ## formatting, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## measure calls, processor time, memory and rate of a deal
	$(BIN)/python -m benchmarks

corpus: setup ## compare our schedules with the recordings in ../shared/corpus
	$(BIN)/python -m tests.corpus

format: setup ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## pin dependencies again (needs uv); the files name no index
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-strip-extras --extra dev requirements/build.in pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-strip-extras pyproject.toml -o requirements/runtime.txt

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
