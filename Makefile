# make demo: install, write the demo logs, show them.  make test: the quick tests.  make test-full: the slow rest.
SHELL := bash
PYTHON ?= python3
VENV ?= .venv
DEMO_LOGS ?= demo_logs
# More options for pip, e.g. PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu" for torch without CUDA.
PIP_FLAGS ?=
BIN := $(VENV)/bin
# Two tests at a time, and those of a file by one process: they share what it started.
IN_PARALLEL ?= --numprocesses 2 --dist loadfile
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $(PIP_FLAGS)

.PHONY: help demo test test-full check clean

help:
	@head -n 1 Makefile | cut -c 3-

# Stamps: the environment is made anew only when what it is made from has changed.
$(VENV)/.made: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + ": say which to use, e.g. make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.exporter: $(VENV)/.made
	$(PIP_INSTALL) --editable ".[exporter]"
	@touch $@

$(VENV)/.test: $(VENV)/.exporter
	$(PIP_INSTALL) --editable ".[exporter,test]"
	@touch $@

# SAELens (700 MB) is for the slow tests of training alone.
$(VENV)/.train: $(VENV)/.test
	$(PIP_INSTALL) --editable ".[exporter,test,train]"
	@touch $@

# The example with overcomplete, without the torchvision that it asks for: that fits one build of torch each, and a wrong one breaks
# transformers. Its metadata stop at Python 3.12, its code does not.
$(VENV)/.overcomplete: $(VENV)/.train
	$(PIP_INSTALL) einops matplotlib opencv-python-headless scikit-image
	$(PIP_INSTALL) --no-deps --ignore-requires-python overcomplete
	@touch $@

demo: $(VENV)/.exporter
	@test -e $(DEMO_LOGS)/.written || { rm -rf $(DEMO_LOGS) && $(BIN)/visualscratchpad demo --logdir $(DEMO_LOGS) --no-serve && touch $(DEMO_LOGS)/.written; }
	@$(BIN)/python -m tb_visualscratchpad.exporter.demo.serve $(DEMO_LOGS)

test: $(VENV)/.test
	@$(BIN)/python tests/find_chromium.py --install
	$(BIN)/python -m pytest -q -m "not full" $(IN_PARALLEL)

test-full: $(VENV)/.overcomplete
	@$(BIN)/python tests/find_chromium.py --install
	$(BIN)/python -m pytest -q -m full --durations=10 $(IN_PARALLEL)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(DEMO_LOGS) .sae_libraries build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
