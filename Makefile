# Two commands matter: `make run` and `make test`. Everything they need is installed into .venv, once.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN := .venv/.run-installed
TEST := .venv/.test-installed
FILES := supervisor bot telemetry dashboards migrations tests bench
WORKERS ?= 4
BENCH ?= ack writer dequeue fairness ledger quotes generations memory leadership

.PHONY: help install run test check unit chaos mutants bench observe lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

install: $(RUN) ## virtual environment and dependencies (.venv/bin/vigil)

run: $(RUN) ## the bot: with .env the real one, else with a sandbox Telegram and provider
	@if [ -f .env ]; then exec $(BIN)/vigil run; else exec $(BIN)/vigil run --sandbox; fi

test: check ## format, lint, types, import contracts, then every test on an embedded PostgreSQL
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal

check: $(TEST) ## the checks that run nothing
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy $(FILES)
	$(BIN)/lint-imports --no-cache

unit: $(TEST) ## the unit tests alone
	$(BIN)/pytest -q tests/unit

chaos: $(TEST) ## the long fault runs, up to an hour; CHAOS_SEED repeats an order of random faults
	$(BIN)/pytest -q -s -m chaos tests

mutants: $(TEST) ## break each rule of the lock and of the queues in a copy; the tests must notice
	$(BIN)/python -m tests.chaos.mutants

bench: $(TEST) ## ours beside the peers, a table each, under 3 minutes each; BENCH=ack for one, ARGS=--json
	@set -e; for name in $(BENCH); do $(BIN)/python -m bench.$$name $(ARGS); echo; done

observe: ## Prometheus and Alertmanager beside a running `make run`
	@exec dashboards/observe.sh

lock: $(TEST) ## resolve the dependencies again into the two lock files
	$(BIN)/python tests/lock.py

clean: ## remove the virtual environment and the caches, not the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

$(RUN): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "vigil: no Python 3.11 or newer found"; echo "Try: make PYTHON=/path/to/python3.12"; exit 69; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "Try: install Python's venv module (Debian: apt-get install python3-venv)"; exit 69; }
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(TEST): $(RUN) tests/requirements.lock
	$(PIP) --require-hashes -r tests/requirements.lock
	@touch $@
