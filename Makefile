# make run [EXPORTS="a.csv b.xlsx"] · make test · make lint · make bench [STORE=folder] · make backtest · make screenshots
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8501
EXPORTS ?=
BIN := .venv/bin
DEFAULT_STORE := $(CURDIR)/data/store
EXPORTS_STORE := $(CURDIR)/data/stores/exports
export PYTHONUTF8 := 1

.PHONY: run test lint bench backtest screenshots clean
.DELETE_ON_ERROR:

run: .venv/ready
ifeq ($(strip $(EXPORTS)),)
	@$(BIN)/python -m analytics demo --if-none
	@nice -n 15 $(BIN)/python -m analytics refresh & # the pages open meanwhile
	@echo "Forerunner: http://localhost:$(PORT)"
	@$(BIN)/streamlit run app.py --server.port $(PORT)
else
	@FORERUNNER_STORE="$${FORERUNNER_STORE:-$(EXPORTS_STORE)}" $(BIN)/python -m analytics import $(EXPORTS)
	@FORERUNNER_STORE="$${FORERUNNER_STORE:-$(EXPORTS_STORE)}" nice -n 15 $(BIN)/python -m analytics refresh &
	@echo "Forerunner: http://localhost:$(PORT)"
	@FORERUNNER_STORE="$${FORERUNNER_STORE:-$(EXPORTS_STORE)}" $(BIN)/streamlit run app.py --server.port $(PORT)
endif

# Tests that measure patience (a browser, many processes at once) come after the others, one at a time.
ALONE := tests/test_browser.py tests/test_browser_events.py tests/test_every_page.py tests/test_concurrency.py

test: .venv/ready-dev
	@bash tests/tools.sh $(BIN)/python -m pytest -n 2 --dist loadgroup tests $(ALONE:%=--ignore=%)
	@bash tests/tools.sh $(BIN)/python -m pytest $(ALONE)

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy analytics pages app.py

bench: .venv/ready-dev .venv-bench/ready
	@bash tests/tools.sh $(BIN)/python -m tests.bench $(if $(strip $(STORE)),--kept $(STORE))

# Every page x language x theme, on the store of the settings, into a folder that git does not keep.
screenshots: .venv/ready-dev
	@bash tests/tools.sh $(BIN)/python -m tests.screenshots

.venv/ready: requirements.txt
	@bash tests/environment.sh "$(PYTHON)" requirements.txt
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt
	@bash tests/environment.sh "$(PYTHON)" requirements-dev.txt
	@touch $@

# The peers need older packages than the product: an environment of their own.
backtest: .venv/ready-dev .venv-bench/ready
	$(BIN)/python -m tests.accuracy
	$(BIN)/python -m tests.accuracy.spikes
	$(BIN)/python -m tests.accuracy.outbreaks
	$(BIN)/python -m tests.accuracy.effects
	$(BIN)/python -m tests.accuracy.rehearsal

.venv-bench/ready: requirements-bench.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

clean:
	rm -rf .venv .venv-bench data/store data/stores
