# SELMA Studio. Every target makes .venv and installs by itself when needed; a second call starts at once.
# Windows, or no make: the README has the same in plain commands.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
CPU_INDEX := https://download.pytorch.org/whl/cpu
TEST_TOOLS := "pytest>=9.2,<10" "hypothesis>=6.170,<7" "playwright>=1.65,<2" "datasets>=5.2,<6" \
              "axe-playwright-python>=0.1.8,<0.2" "pytest-xdist>=3.8,<4"
# As many at a time as there are cores, four at most (each holds a model). The browser's come after them, one at a time:
# a browser and the app it looks at need both cores of a small machine.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist worksteal --ignore=tests/browser
LINT_TOOLS := "ruff>=0.17,<0.18" "mypy>=2.4,<3"
OUT ?= runs/storybook
RESULTS ?= runs/results-storybook

.PHONY: help app run results test test-all lint readme clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^\([a-z-]*\):.*## */  make \1	/p' $(MAKEFILE_LIST) | expand -t 18

app: .venv/.installed  ## the app, on http://127.0.0.1:7860
	$(BIN)/python app.py

run: .venv/.installed  ## the whole line without the app, into runs/storybook (or OUT=folder)
	$(BIN)/python -m engine run assets/recipes/storybook.toml --out $(OUT)

results: .venv/.installed  ## the experiments behind the README's table; hours, resumable
	$(BIN)/python -m engine results assets/results/storybook.toml --out $(RESULTS)
	mkdir -p assets/results/measured
	cp $(RESULTS)/results.json assets/results/storybook.json
	find $(RESULTS)/measured -name '*.json.gz' -exec cp {} assets/results/measured/ \;
	$(BIN)/python -m engine.release tables

test: .venv/.tools  ## the tests, with a real browser
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest tests/browser

test-all: .venv/.tools  ## the slow ones too
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m ""
	$(BIN)/python -m pytest tests/browser -m ""

lint: .venv/.tools  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

readme: .venv/.installed  ## rewrite the README's plugin tables from the plugins
	$(BIN)/python -m engine.release tables

clean:  ## remove .venv and caches; runs/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@for python in "$(PYTHON)" python3.11 python3.12; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null || continue; \
	  echo "Making .venv with $$("$$python" --version)"; \
	  "$$python" -m venv .venv && exit 0; \
	  rm -rf .venv; echo "$$python cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	done; \
	echo "Python 3.11 or 3.12 is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." >&2; \
	echo "Install one of them, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1

# On Linux without an NVIDIA GPU the plain torch brings gigabytes of CUDA: its CPU build is asked for first.
.venv/.installed: requirements.txt | $(BIN)/python
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null; then \
	  $(PIP) torch==2.13.0+cpu --extra-index-url $(CPU_INDEX) --retries 1 || $(PIP) torch==2.13.0; \
	else $(PIP) torch==2.13.0; fi
	$(PIP) -r requirements.txt
	@touch $@

.venv/.tools: .venv/.installed Makefile
	$(PIP) $(TEST_TOOLS) $(LINT_TOOLS)
	@touch $@
