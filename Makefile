# `make demo` runs a demonstration, `make test` the tests. Each installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# On all cores, which pip does not. Some packages ship templates that are no Python, which it names.
COMPILE = $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib
PEERS_STAMP := .venv-bench/.installed
NPM_STAMP := tools/json-server/node_modules/.stamp

# Each process of the tests would compile the modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install lock demo demo-once check test ready test-fast install-newer test-newer test-long mutants invariants lint metrics bench bench-peers profile run worker reference docs wheels release clean

help:  ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

# A .venv without pip was left half-made, so it is made again. Nothing is installed again while the
# lock is the one that was installed.
$(STAMP): requirements-dev.lock
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Registry Sync needs Python 3.11 or newer; this is %d.%d (%s). Name another one: make PYTHON=python3.12 …" % (v[0], v[1], sys.executable))'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@cmp -s requirements-dev.lock $(VENV)/installed.lock || { \
	  echo "Installing packages into $(VENV) (once)…"; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-compile -r requirements-dev.lock \
	  && { $(COMPILE); cp requirements-dev.lock $(VENV)/installed.lock; }; }
	@touch $@

$(NPM_STAMP): $(STAMP) tools/json-server/package-lock.json
	@$(BIN)/python -m tools.json_server
	@touch $@

install: $(STAMP) $(NPM_STAMP)  ## make .venv with everything in it

lock: $(STAMP)  ## resolve requirements*.txt again into the lock files
	@for name in requirements requirements-build requirements-chem requirements-otel requirements-dev requirements-bench; do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --upgrade \
	    --no-header --no-annotate --no-emit-index-url --output-file $$name.lock $$name.txt || exit 1; \
	done

demo: $(STAMP)  ## sync three real collections into a Benchling tenant; Ctrl-C stops it
	@$(BIN)/python -m sandbox.demo $(ARGS)

demo-once: $(STAMP)  ## the same, checked, then exit
	@$(BIN)/python -m sandbox.demo --once $(ARGS)

lint: $(STAMP)  ## ruff, mypy, rooms, migrations, deployment checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DEBUG=1 $(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.check_deploy

# Beside each other: most of lint takes one core. What each says is shown when it has ended.
check: $(STAMP)  ## lint, and the tests without a process or a tenant to sync to: a minute
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target lint test-fast

ifdef ROOM
test: $(STAMP) $(NPM_STAMP)  ## everything, on SQLite and on PostgreSQL; ROOM=sync: one folder of tests/
	@$(BIN)/python -m tools.run_tests --room $(ROOM) $(ARGS)
else
# Beside each other, too: the types are checked on one core.
test: $(STAMP) $(NPM_STAMP)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint ready
	@$(BIN)/python -m tools.run_tests $(ARGS)
endif

ready: $(STAMP)
	@$(BIN)/python -m tools.run_tests --prepare

# What of a newer Python is met is compiled, not all 230 packages: that takes as long as to install.
install-newer: $(STAMP)
	@newer=$$($(BIN)/python -m tools.newer_python); \
	if [ -z "$$newer" ]; then echo "*** NOT TESTED on a newer Python: none is installed ***"; else \
	  $(MAKE) --no-print-directory VENV=.venv-newer PYTHON="$$newer" COMPILE=true \
	    .venv-newer/.installed; fi

# The rooms that pages and syncs are made of: what differs between two Pythons is met there.
NEWER := $(addprefix tests/,benchling commands core explain jobs ledger mapping models monitoring \
  reporting runs source webhooks)
test-newer: install-newer  ## the rooms that all else is made of, on a newer Python if one is installed
	@[ ! -e .venv-newer ] || $(MAKE) --no-print-directory \
	  VENV=.venv-newer PYTHON=.venv-newer/bin/python COMPILE=true \
	  FAST="$(FAST) and not served" ARGS="$(NEWER) $(ARGS)" test-fast

FAST := not process and not world and not slow
test-fast: $(STAMP)
	@$(BIN)/python --version
	@$(BIN)/python -m pytest -n 2 --dist load -m "$(FAST)" $(ARGS)

test-long: $(STAMP) $(NPM_STAMP) lint  ## the same, in the full sizes of what `make test` samples
	@$(BIN)/python -m tools.run_tests --long $(ARGS)
	@$(MAKE) --no-print-directory test-newer NEWER="tests --ignore-glob=*/test_docs*.py" ARGS=
	@$(MAKE) --no-print-directory mutants ARGS=

mutants: $(STAMP)  ## judge the tests by small faults in the code; ARGS='--module names --seed 7'
	@$(BIN)/python -m tools.mutants $(ARGS)

invariants: $(STAMP)  ## what must always hold, and the tests that hold it
	@$(BIN)/python -m tests.support.invariants

metrics: $(STAMP)  ## the size of functions and modules, and the rooms; fails when a limit is passed
	@$(BIN)/python -m tools.metrics

# dlt and matplotlib are no part of the service, nor of its tests.
$(PEERS_STAMP): requirements-bench.lock
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

bench: $(STAMP)  ## measure: the tables of docs/benchmarks.md
	@$(BIN)/python -m benchmarks $(ARGS)
	@$(BIN)/python -m benchmarks.webhooks
	@$(BIN)/python -m benchmarks.desk
	@$(BIN)/python -m benchmarks.presses

bench-peers: $(STAMP) $(PEERS_STAMP)  ## the first of them beside dlt, and the plots
	@$(BIN)/python -m benchmarks $(ARGS)
	@.venv-bench/bin/python -m benchmarks.plots

profile: $(STAMP)  ## a profile of a first load: profile/first-load.html
	@$(BIN)/python -m benchmarks.profile $(ARGS)

run: $(STAMP)  ## the web service, for development
	@DEBUG=1 $(BIN)/python manage.py runserver

worker: $(STAMP)  ## a worker of the queue `sync`, for development
	@DEBUG=1 $(BIN)/python manage.py rqworker sync

reference: $(STAMP)  ## the tables of docs/ that are rendered from the code
	@$(BIN)/python -m tools.reference

docs: $(STAMP) $(NPM_STAMP)  ## site/: the docs as a site; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

release: $(STAMP)  ## dist/: what an operator gets, with a bill of materials, licenses and checksums
	@$(BIN)/python -m tools.release $(ARGS)

wheels: $(STAMP)  ## dist/: the wheels of the service and of the sandbox
	@rm -f dist/registry_sync*.whl
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . ./sandbox
	@rm -rf build sandbox/build *.egg-info sandbox/*.egg-info
	@ls dist/*.whl

clean:  ## remove what make has installed
	rm -rf $(VENV) .venv-newer .venv-bench profile tools/json-server/node_modules
