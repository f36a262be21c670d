# The Customization Spectrum: `make lab` to learn, `make test` to check everything. `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
# Where torch comes from. Empty: pip's own index. On Linux without a GPU, the CPU build saves 2.5 GB:
#   make lab TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# More options for `make lab`, such as LAB_OPTIONS=--allow-root in a container whose only user is root.
LAB_OPTIONS ?=
# Test processes side by side.
WORKERS ?= 2
# SmolLM2, the real language model beside the embedded ones, and the sentence embedder of lesson 06: 93 and 84 MB,
# fetched once. REAL=no leaves them out.
REAL ?= yes

PY := $(VENV)/bin/python
PIP := $(PY) -m pip
TORCH := $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' constraints.txt)
NOTEBOOKS = $(wildcard notebooks/*.ipynb solutions/*.ipynb)
# Nothing is fetched while testing, two test processes do not fight over the cores, and checks draw the same inputs.
QUIET_ENV = HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1 SPECTRUM_SEED=1
# nbval costs every pytest run seconds: it is loaded only where notebooks are compared.
PYTEST = $(QUIET_ENV) $(PY) -m pytest

.DEFAULT_GOAL := help
.PHONY: help lab install test check labs claims notebooks weights effects sweeps real mutants colab clean real-model lint unit-tests browser-tests notebook-tests

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

lab: install real-model ## set up once, then open JupyterLab at the first lesson
	$(PY) -m jupyter lab --ServerApp.ip=127.0.0.1 $(LAB_OPTIONS) notebooks/00_start_here.ipynb

install: $(VENV)/.installed ## set up only: .venv, the package, the kernel

test: $(VENV)/.installed-test real-model lint unit-tests browser-tests notebook-tests ## set up, then run every test

check: $(VENV)/.installed lint ## the inner loop: style, labs and claims up to date, fast tests (two minutes at most)
	$(PYTEST) -p no:nbval -q -n $(WORKERS) --dist worksteal -m "not slow" --ignore=tests/browser

labs: $(VENV)/.installed ## make labs/ from solutions/
	$(PY) -m tools.make_labs

claims: $(VENV)/.installed ## make docs/claims.md from docs/claims.toml and the lessons' verdicts
	$(PY) -m tools.make_claims

notebooks: $(VENV)/.installed ## execute lessons and solutions in place on two threads, then make the labs and the claims
	$(QUIET_ENV) OMP_NUM_THREADS=2 $(PY) -m tools.run_notebooks --save-timings $(NOTEBOOKS)
	$(PY) -m tools.make_labs
	$(PY) -m tools.make_claims

weights: $(VENV)/.installed ## train the embedded models from nothing (hours; goes on where it was stopped)
	$(PY) tools/train_weights.py

effects: $(VENV)/.installed ## measure the effect table
	$(PY) -m spectrum.effects

sweeps: $(VENV)/.installed ## rebuild the stored sweeps in results/ (goes on where it was stopped; shows what is left)
	$(QUIET_ENV) $(PY) -m tools.make_sweeps

real: $(VENV)/.installed real-model ## the stored runs on SmolLM2 in results/*/real (about nine hours on two cores; goes on where it was stopped)
	$(QUIET_ENV) $(PY) -m tools.make_sweeps --real

mutants: $(VENV)/.installed-test ## put small faults into the worked labs: do the checks find them? (goes on where it was stopped)
	$(QUIET_ENV) $(PY) -m tools.mutants --jobs $(WORKERS)

colab: $(VENV)/.installed ## pack the course for Colab: build/colab/customization-spectrum.zip (docs/colab.md)
	$(PY) -m tools.make_colab

clean: ## remove .venv and caches (a training run in build/ stays)
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +

# ---- the parts of `make test` ----

real-model: $(VENV)/.installed
ifneq ($(REAL),no)
	$(PY) -m spectrum.models fetch smollm2 minilm
endif

lint: $(VENV)/.installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m tools.make_labs --check
	$(PY) -m tools.make_claims --check
	$(VENV)/bin/lint-imports

unit-tests: $(VENV)/.installed-test
	$(PYTEST) -p no:nbval -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore=tests/browser

browser-tests: $(VENV)/.installed-test
	$(PYTEST) -p no:nbval -q -rs -n $(WORKERS) --dist loadfile tests/browser

notebook-tests: $(VENV)/.installed-test
ifeq ($(NOTEBOOKS),)
	@echo "no notebooks yet: nothing to compare"
else
	$(PYTEST) -p tools.nbval_bars --nbval --nbval-current-env --nbval-cell-timeout=600 -q -n $(WORKERS) \
	  --dist loadfile --no-loadscope-reorder $(NOTEBOOKS)
endif

# ---- set-up: one stamp file per set of packages, so that the second time costs nothing ----

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This course needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Install one, then name it: make lab PYTHON=python3.12"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt install python3-venv. Then run make again."; exit 1; }
	@touch $@

$(VENV)/.torch: $(VENV)/.created
	@$(PY) -c 'import torch' 2>/dev/null || [ -n "$(TORCH_INDEX)" ] || [ "$$(uname)" != Linux ] \
	  || command -v nvidia-smi >/dev/null \
	  || echo "No NVIDIA GPU seen: 'make lab TORCH_INDEX=https://download.pytorch.org/whl/cpu' downloads 0.2 GB of torch instead of 2.6 GB."
	@if [ -n "$(TORCH_INDEX)" ]; then $(PIP) install --index-url $(TORCH_INDEX) $(TORCH); \
	  else $(PIP) install $(TORCH) -c constraints.txt; fi
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) install -e ".[test,serve]" -c constraints.txt
	$(PY) -m ipykernel install --sys-prefix --name customization-spectrum --display-name "The Customization Spectrum"
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -e ".[test,serve,browser]" -c constraints.txt
	@touch $@
