# Needs python3 (3.11 or newer), git and make; everything else goes into .venv (so PEP 668 does not matter).
#   make check                      judge manifests/reference
#   make check ARGS="PATH --profile pod-security"
#   make test                       the whole suite of tests
#   make drill DRILLS=segmentation  break kind clusters made for it, and recover (needs docker, kind, kubectl)
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
ARGS   ?= manifests/reference
STAMP  := $(VENV)/.installed

.PHONY: check test drill lint types docs lock clean
check: $(STAMP)
	@$(BIN)/plumbline check $(ARGS)

test: $(STAMP)
	@$(BIN)/python -m pytest $(TESTARGS)

drill: $(STAMP)
	@$(BIN)/plumbline drill --destructive $(or $(DRILLS),--all) $(DRILLARGS)

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

types: $(STAMP)
	@$(BIN)/mypy

# The generated page of every requirement; a test fails while it is stale.
docs: $(STAMP)
	@$(BIN)/plumbline list --format markdown > docs/catalogue.md

# Exact versions for CI; the lower bounds for users stand in pyproject.toml.
lock: $(STAMP)
	@$(BIN)/python -m pip install -q uv && $(BIN)/uv pip compile -q --universal --group dev pyproject.toml --python-version 3.11 -o requirements.lock

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "plumbline needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 4; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 4; }
	@echo "installing into $(VENV) ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
