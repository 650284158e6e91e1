# Needs Python 3.11 or later, and make. Everything else goes into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test lint docs audit lock soak bench clean

help: ## Show this.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(VENV)/.with-sandbox ## Export 300 packages from the embedded sandbox.
	rm -rf demo-export
	$(BIN)/pixxel-async demo --out demo-export

test: $(VENV)/.with-dev ## Run the tests and show what they cover.
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest --numprocesses 6 --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --include='pixxel_async/sansio/*' --fail-under=100

lint: $(VENV)/.with-dev ## Check style and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.with-docs ## Build the documentation site into site/.
	$(BIN)/python -m zensical build --clean --strict

audit: $(VENV)/.with-dev ## Look for known vulnerabilities in the locked versions.
	$(BIN)/pip-audit --progress-spinner off --no-deps --disable-pip --requirement .ci/constraints.txt

lock: $(VENV)/.with-dev ## Write the versions that are installed into .ci/constraints.txt.
	$(BIN)/python -m pip freeze --exclude-editable > .ci/constraints.txt

soak: $(VENV)/.with-dev ## Run the tests that take minutes.
	$(BIN)/python -m pytest -m soak

bench: $(VENV)/.with-bench ## Measure, and write tables and pictures into docs/.
	ROUNDS=$${ROUNDS:-3} PEER_ROUNDS=$${PEER_ROUNDS:-1} PIPELINE_ROUNDS=$${PIPELINE_ROUNDS:-1} \
		RESULTS=benchmarks/results $(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.document

clean: ## Remove what the other targets made.
	rm -rf $(VENV) demo-export site .cache .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name it with PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.with-sandbox: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[sandbox]'
	touch $@

$(VENV)/.with-bench: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[bench,dev]'
	touch $@

$(VENV)/.with-docs: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[docs]'
	touch $@

$(VENV)/.with-dev: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	touch $@
