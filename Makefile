# Autoencoders by Hand. `make help` lists the targets. Works with GNU make 3.81 and later.

PYTHON ?=
PORT   ?= 8000
TORCH  ?= yes
PYTEST ?=

VENV := .venv
PY   := $(VENV)/bin/python
UV   := uv==0.13.9

.PHONY: help serve book test lint bench bench-live lock address clean
.DEFAULT_GOAL := help

help:
	@echo 'make serve   set up, build the book if it is out of date, serve it (PORT=8000 or the next free one)'
	@echo 'make book    set up, build the book afresh into _build/html'
	@echo 'make test    set up with the test tools and a Chromium, run every test (TORCH=no leaves PyTorch out)'
	@echo 'make lint    check the code with ruff'
	@echo 'make bench   time the walkthroughs, training and a clean build; train on planted features'
	@echo 'make bench-live  time how fast the pages go live, write bench/live-results.md'
	@echo 'make lock    compile requirements*.in to requirements*.txt (UPGRADE=--upgrade takes newer releases)'
	@echo 'make address write the address and version into the README and every set-up cell'
	@echo 'make clean   remove everything that was built, fetched or installed here'
	@echo
	@echo 'PYTHON=/path/to/python picks another Python (3.11 or later) for the environment in $(VENV).'

serve: $(VENV)/.readers
	@$(PY) tools/build.py --if-stale
	@$(PY) tools/serve.py --port $(PORT)

book: $(VENV)/.readers
	@$(PY) tools/build.py

test: $(VENV)/.tests $(VENV)/.torch-$(TORCH) $(VENV)/.chromium
	@$(PY) tools/build.py --if-stale
	@$(PY) -m pytest $(PYTEST)

lint: $(VENV)/.tests
	@$(PY) -m ruff check .

bench: $(VENV)/.readers $(VENV)/.torch-$(TORCH)
	@set -e; for script in bench/walkthroughs.py bench/training.py bench/build.py; do $(PY) $$script; done

bench-live: $(VENV)/.tests $(VENV)/.chromium
	@$(PY) tools/build.py --if-stale
	@$(PY) bench/live.py

address: $(VENV)/.readers
	@$(PY) tools/address.py

lock:
	@set -e; python=`sh tools/find_python.sh "$(PYTHON)"`; \
	  test -x $(VENV)-lock/bin/uv || { $$python -m venv $(VENV)-lock && \
	    $(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check $(UV); }; \
	  compile="$(VENV)-lock/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 $(UPGRADE)"; \
	  export UV_CUSTOM_COMPILE_COMMAND='make lock'; \
	  $$compile requirements.in --output-file requirements.txt; \
	  grep -v '^-e' requirements.txt > $(VENV)-lock/readers.txt; \
	  $$compile requirements-test.in --constraint $(VENV)-lock/readers.txt --no-annotate \
	    --output-file requirements-test.txt; \
	  echo 'requirements.txt and requirements-test.txt are compiled.'

clean:
	rm -rf _build .cache $(VENV) $(VENV)-lock *.egg-info .pytest_cache .ruff_cache .hypothesis

# The environment. Each stamp is renewed when the lock behind it changes.

$(VENV)/.python:
	@set -e; python=`sh tools/find_python.sh "$(PYTHON)"`; \
	  echo "Making $(VENV) with $$($$python --version)"; $$python -m venv --clear $(VENV)
	@touch $@

$(VENV)/.readers: $(VENV)/.python requirements.txt pyproject.toml
	@$(PY) tools/install.py 'the book' -r requirements.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.readers requirements-test.txt
	@$(PY) tools/install.py 'the test tools' -r requirements-test.txt
	@touch $@

$(VENV)/.torch-yes: $(VENV)/.tests requirements-torch.txt
	@$(PY) tools/install.py 'PyTorch, the oracle of the gradient tests' -r requirements-torch.txt
	@touch $@

$(VENV)/.torch-no:
	@touch $@

$(VENV)/.chromium: $(VENV)/.tests
	@$(PY) tools/browser.py
	@touch $@
