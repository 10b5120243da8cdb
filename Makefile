# `make demo` shows it, `make test` proves it; each sets up all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Most tests wait for tasks and clocks, not for a processor.
SPREAD := -n 6 --dist load --maxschedchunk 1

.PHONY: help install demo demo-once test lint bench run worker clean

help:  ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(STAMP): requirements.txt requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing packages into $(VENV) (once)…"
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

install: $(STAMP)  ## make .venv with everything in it

demo: $(STAMP)  ## 2,628 real compounds travel into a Benchling tenant; Ctrl-C ends it
	@$(BIN)/python -m sandbox.demo $(ARGS)

demo-once: $(STAMP)  ## the same, checked, and exit
	@$(BIN)/python -m sandbox.demo --once $(ARGS)

lint: $(STAMP)  ## ruff, mypy, migrations, deployment checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DEBUG=1 $(BIN)/mypy
	@DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run
	@PYTHON=$(BIN)/python sh tests/check_deploy.sh

test: $(STAMP) lint  ## everything, on SQLite and on PostgreSQL
	@$(BIN)/python -m pytest $(SPREAD) $(ARGS)
	@$(BIN)/python -m sandbox.postgres $(BIN)/python -m pytest $(SPREAD) -m "not once" $(ARGS)

bench: $(STAMP)  ## the tables of docs/benchmarks.md
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.webhooks
	@$(BIN)/python -m benchmarks.desk

run: $(STAMP)  ## the web service, for development
	@DEBUG=1 $(BIN)/python manage.py runserver

worker: $(STAMP)  ## a worker of the queue `sync`, for development
	@DEBUG=1 $(BIN)/python manage.py rqworker sync

clean:  ## remove what make made
	rm -rf $(VENV)
