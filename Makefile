# Everything that is done with this project from a shell; `make` alone says what there is.
PYTHON := .venv/bin/python

#: Compiled modules are kept, whatever the shell says: else every process compiles them, and pytest rewrites its tests, anew.
export PYTHONDONTWRITEBYTECODE =

#: Tests that run without coverage, under which Python takes twice as long: those on servers, those with drawn values, long ones.
UNMEASURED := integration or chaos or hypothesis or unmeasured
PYTEST := $(PYTHON) -m pytest -n $${TEST_WORKERS:-2} --dist loadfile --no-loadscope-reorder

.PHONY: help demo run test measured-tests other-tests check lint contract lock bench chaos check-segments clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

demo: .venv/run.stamp ## A year of sample borrowers in a minute: the texts as they would arrive
	.venv/bin/duebell demo

run: .venv/run.stamp ## The service, embedded unless DUEBELL_* says otherwise
	.venv/bin/duebell run

test: .venv/dev.stamp ## All tests, on private servers (installed with apt where missing), with the coverage floors
	scripts/install_servers
	scripts/install_asyncapi
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target measured-tests other-tests

measured-tests: .venv/dev.stamp
	mkdir -p var
	$(PYTEST) -m "not ($(UNMEASURED))" --cov --cov-report=
	$(PYTHON) -m coverage json -q -o var/coverage.json
	$(PYTHON) scripts/coverage_floor.py var/coverage.json

other-tests: .venv/dev.stamp
	$(PYTEST) -m "$(UNMEASURED)"

check: lint ## What to run before a commit: format, lint, types, imports, and the tests that need no server
	$(PYTHON) -m pytest -q -m "not integration and not chaos" tests/unit tests/contract

lint: .venv/dev.stamp ## Format, lint, types and import rules
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/mypy scripts
	.venv/bin/lint-imports

contract: .venv/dev.stamp ## Write docs/contract anew, and freeze a message of each new event type
	rm -rf docs/contract
	.venv/bin/duebell contract asyncapi --out docs/contract
	.venv/bin/duebell contract schemas --out docs/contract/schemas
	$(PYTHON) scripts/freeze_messages.py

lock: ## Write the requirements files anew
	scripts/lock

bench: .venv/dev.stamp ## Measure, beside a Celery pipeline that does the same (BENCH_EVENTS sets the size)
	scripts/install_servers
	PYTHONPATH=scripts $(PYTHON) -m bench

chaos: .venv/dev.stamp ## The killing tests and random histories at full size (CHAOS_EVENTS, HISTORIES, 20000 each)
	scripts/install_servers
	CHAOS_EVENTS=$${CHAOS_EVENTS:-20000} $(PYTHON) -m pytest -m chaos --timeout 3600 tests/integration
	HISTORIES=$${HISTORIES:-20000} $(PYTHON) -m pytest -m chaos -n $${TEST_WORKERS:-auto} tests/properties

check-segments: .venv/dev.stamp ## The segment counter against another one, a million strings
	$(PYTHON) scripts/check_segments.py --count 1000000

clean: ## Remove what the tools leave behind; .venv and var stay
	rm -rf dist scripts/asyncapi/node_modules .coverage .coverage.* .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache bench/out
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/run.stamp: requirements.txt requirements-build.txt pyproject.toml scripts/set_up
	scripts/set_up requirements.txt requirements-build.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt pyproject.toml scripts/set_up
	scripts/set_up requirements-dev.txt
	@touch $@ .venv/run.stamp
