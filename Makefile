# On a fresh machine two commands are enough: `make demo` and `make test`.
# Each target first makes the virtual environment it needs; the second time it is there already.
# Windows has no make: the README shows the same steps as pip lines.

PYTHON ?= python3
PIP_ARGS ?=    # e.g. PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PYTEST_ARGS ?=
PORT ?= 8001
ARCH ?= vanilla_crnn
N ?= 10000

JAVA_TOOLS := full-pipeline/tools/java_captcha
BIN := .venv/bin
SAMPLE := training-ready/dataset
SMOKE := runs/smoke

.DEFAULT_GOAL := help
.PHONY: help demo space browser-page test lint data data-tools train smoke bench bench-peers exports notebooks clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv-demo/.ready ## the page on http://127.0.0.1:8001, with a small installation (no torch)
	@port=$$(.venv-demo/bin/python scripts/free_port.py $(PORT)) && \
	  exec .venv-demo/bin/captcha-ocr serve fastapi --host 127.0.0.1 --port $$port

space: .venv-space/.ready ## the Gradio app of hf_spaces/ on http://127.0.0.1:7860 (Python 3.10 or newer)
	@cd hf_spaces && exec ../.venv-space/bin/python app.py

browser-page: .venv-demo/.ready ## the page that reads in the browser alone, in hf_spaces/static/dist (npm)
	.venv-demo/bin/python scripts/browser_page.py

test: .venv/.ready ## every test but the slow ones; Java and browser tests where JDK and Chromium are
	@if command -v mvn >/dev/null; then mvn -B -q -f $(JAVA_TOOLS) verify; \
	  else echo "Java tools not tested: Maven is not installed"; fi
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

lint: .venv/.ready ## ruff and mypy, as CI runs them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

data-tools: ## build the Java generators (JDK 17 and Maven)
	mvn -B -q -f $(JAVA_TOOLS) package -DskipTests

data: .venv/.ready ## draw N pictures of the three styles (10000) and merge them into full-pipeline/dataset
	$(BIN)/python scripts/make_data.py --count $(N)

train: .venv/.ready ## reproduce the shipped weights of ARCH from nothing, or of all: hours on two cores
	$(BIN)/python scripts/train_models.py --arch $(ARCH)

smoke: .venv/.ready ## one epoch of every architecture on the sample set, then eval and infer
	rm -rf $(SMOKE)
	$(BIN)/captcha-ocr train --arch all --train-root $(SAMPLE)/train --val-root $(SAMPLE)/test \
	  --imgH 32 --imgW 256 --epochs 1 --batch 32 --out $(SMOKE)
	for run in $(SMOKE)/*; do \
	  $(BIN)/captcha-ocr eval --weights $$run --data $(SAMPLE)/test && \
	  $(BIN)/captcha-ocr infer --weights $$run --dir $(SAMPLE)/test --check --json >/dev/null || exit 1; \
	done

bench: .venv/.ready ## measure the shipped models, and the peers that are installed: tables, curves, JSON
	$(BIN)/python scripts/benchmark.py

bench-peers: .venv-peers/.ready ## install the readers of others that bench compares with (1 GB)

exports: .venv/.ready .venv-tflite/.ready ## the shipped models in all formats, compared with torch: fills the tables (Python 3.10)
	$(BIN)/captcha-ocr export --format all --arch all --check $(SAMPLE)/test --calibrate $(SAMPLE)/train --docs

notebooks: .venv/.ready ## the tutorial's chapters as executed notebooks: docs/tutorial/*.ipynb
	$(BIN)/python scripts/notebooks.py

clean: ## remove environments, caches and builds; runs and data stay
	rm -rf .venv .venv-demo .venv-space .venv-peers .venv-tflite build dist full-pipeline/*.egg-info
	rm -rf hf_spaces/static/dist hf_spaces/static/node_modules
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, $(OLDEST)))' || \
	  { echo "Python 3.$(OLDEST) or newer is needed: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(@D) || \
	  { echo "No virtual environment. Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
endef

.venv-peers/.ready: scripts/peers-requirements.txt
	$(environment)
	@$(@D)/bin/python -m pip install --quiet $(PIP_ARGS) -r $<
	@touch $@

.venv/.ready: EXTRAS = dev
.venv-demo/.ready: EXTRAS = serve
.venv-space/.ready: EXTRAS = space
.venv-tflite/.ready: EXTRAS = export-tflite
.venv-space/.ready .venv-tflite/.ready: OLDEST = 10
OLDEST := 9
%/.ready: pyproject.toml
	$(environment)
	@# Older ones, as in the Python of macOS, install no project in place.
	@$(@D)/bin/python -m pip install --quiet $(PIP_ARGS) "pip>=21.3"
	@echo "Installing into $(@D), once: a minute or two with [serve] or [space], longer with [dev] (torch) ..."
	@$(@D)/bin/python -m pip install --quiet $(PIP_ARGS) -e ".[$(EXTRAS)]"
	@touch $@
