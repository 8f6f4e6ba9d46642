# make run    sets up .venv and starts powermon      make test   everything that is checked
# make check  lint and the tests that need no browser, simulator or child process
# make lint   style, types, layers                   make bench  speed, as ratios
# make image-test   builds the container image and runs it (root, Debian)
# ARGS="…" is passed on: make run ARGS="--mock", make test ARGS="-k history", make bench ARGS="--full"
SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Files of tests run side by side; one file never does.
WORKERS ?= auto

.PHONY: run test check bench lint image-test firmware run-firmware docs system-packages clean

run: $(VENV)/.run
	$(BIN)/python app.py $(ARGS)

test: lint system-packages
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

# Everything that needs no browser, no simulator and no child process.
check: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not outside" $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m tests.load.bench $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy --strict services components mock app.py
	$(BIN)/lint-imports
	@$(BIN)/python -m tests.newer_pins $(VENV)/.newer

image-test:
	PYTHON=$(PYTHON) sh .ci/image-test

firmware:
	$(MAKE) -C firmware

run-firmware: $(VENV)/.run
	$(MAKE) -C tests/firmware run

docs: $(VENV)/.dev
	$(BIN)/python -m tests.settings_docs
	$(BIN)/python -m tests.where_things_are

# The simulated board of the firmware tests, a browser for the page tests: from Debian's own packages.
system-packages: $(VENV)/.dev
	sh .ci/system-packages

# Stamps: pip runs again only when the requirements changed.
$(VENV)/.run: requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements.txt requirements.lock requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.run

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "powermon needs Python 3.11 or newer: sudo apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "powermon needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv is missing: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
