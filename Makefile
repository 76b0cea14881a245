# The few commands of this project; `make help` lists them.
# Packages come from wherever this machine's pip looks; constraints.txt says which versions.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ARGS ?=

# The environment is ready when this file exists. Its name carries what it was made from (and where: an environment does
# not survive a move), so a changed constraints.txt or pyproject.toml asks for a new set-up. It is written last, so that
# an interrupted set-up is never taken for a finished one.
STAMP := $(VENV)/.ready-$(shell { pwd; cat constraints.txt pyproject.toml; } | cksum | tr ' ' '-')
UNFINISHED := $(VENV)/.unfinished

export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fuzz clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv (the other commands do it by themselves)

demo: $(STAMP) ## convert a PyTorch and a Keras model to every format, judge them, print one table
	@$(BIN)/python -P -m edgeproof.sample_models.demo $(ARGS)

test: $(STAMP) ## everything: checks, then contract, end-to-end and packaging tests
	@$(BIN)/python -P tests/run.py everything $(ARGS)

check: $(STAMP) ## what can be checked without converting anything, in under two minutes
	@$(BIN)/python -P tests/run.py quick $(ARGS)

fuzz: $(STAMP) ## open thousands of hostile and damaged checkpoints; ARGS="--minutes 10 --seed 3"
	@$(BIN)/python -P tests/fuzz.py $(ARGS)

clean: ## remove .venv and everything that was built; your own files stay
	rm -rf $(VENV) build dist *.egg-info demo-out fuzz-report.txt fuzz-failures .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find cli converters validators sample_models tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP):
	@command -v "$(PYTHON)" >/dev/null 2>&1 && "$(PYTHON)" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1 || { \
	  echo "make: Python 3.11 with its venv module is needed, and $(PYTHON) is not that." >&2; \
	  echo "fix: install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv; macOS: brew install python@3.11;" >&2; \
	  echo "     elsewhere: pyenv install 3.11), or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@if [ -e $(UNFINISHED) ]; then echo "An earlier set-up was interrupted: starting again."; rm -rf $(VENV); fi
	@if [ -x $(BIN)/python ] && ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
	  echo "$(VENV) does not hold a working Python 3.11: making it again."; rm -rf $(VENV); fi
	@echo "Setting up $(VENV): a few minutes and about 5 GB the first time. Log: $(VENV)/setup.log"
	@mkdir -p $(VENV) && : > $(UNFINISHED) && rm -f $(VENV)/.ready-*
	@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV)
	@set -e; say() { echo "  $$1"; shift; "$$@" >> $(VENV)/setup.log 2>&1 || { rm -f $(UNFINISHED); tail -n 15 $(VENV)/setup.log >&2; \
	    echo "make: this step failed: $$*" >&2; \
	    echo "fix: read $(VENV)/setup.log, mend what it names (a network, an index, disk space), and run make again" >&2; exit 1; }; }; \
	  : > $(VENV)/setup.log; \
	  say "pip" $(PIP) install -c constraints.txt pip setuptools wheel; \
	  say "torch" $(PIP) install -c constraints.txt torch; \
	  say "the other frameworks and edgeproof itself" $(PIP) install -c constraints.txt --no-build-isolation -e '.[all,dev]'; \
	  say "a last look" $(PIP) check
	@: > $@ && rm -f $(UNFINISHED)
