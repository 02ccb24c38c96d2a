# The README's commands and those of a developer; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $*/bin/python -m pip --disable-pip-version-check --quiet install
# Three processes on two cores: a third of a test's time is waiting for servers.
PARALLEL ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder
OLDEST_POSTGRES ?= /usr/lib/postgresql/15/bin
NEWEST_PYTHON ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python3.13) $(shell command -v python3.13))
NEWEST_VENV := $(if $(NEWEST_PYTHON),.venv-newest,$(VENV))
CLIENTS := tests/clients examples/typescript
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help run setup test check lint types rls versions environments nightly fix schema migration lock bench ui clients

help:  ## these lines
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run  ## start Kurz, with a PostgreSQL of its own
	@ui/build_in_background
	@exec $(BIN)/kurz serve

setup: $(VENV)/.run  ## only make .venv

environments: $(VENV)/.dev $(NEWEST_VENV)/.dev

ui:  ## build GraphiQL into the checkout (needs npm)
	npm --prefix ui ci --no-audit --no-fund --loglevel error
	npm --prefix ui run --silent build

clients: $(CLIENTS:%=%/node_modules/.package-lock.json)  ## install what the tests of API clients need (needs npm)

%/node_modules/.package-lock.json: %/package-lock.json
	npm --prefix $* ci --no-audit --no-fund --loglevel error
	@touch $@

test: $(VENV)/.dev  ## the tests
	$(BIN)/pytest -m "not nightly" $(PARALLEL) $(PYTEST)

check: lint types test versions  ## what CI runs

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

# Each statement of the data layer held to the workspace it is asked for: whoever finds something else fails.
rls: $(VENV)/.dev  ## the data layer's and the API's tests under row-level security (tests/rls.sql)
	KURZ_TEST_RLS=1 $(BIN)/pytest -m "database and not nightly" tests/models tests/graph $(PARALLEL) $(PYTEST)

# One run for all three. Without that Python, what asks PostgreSQL is run on the ordinary one.
versions: $(NEWEST_VENV)/.dev  ## the tests on Python 3.13 and PostgreSQL 15, and under row-level security where `make rls` is
	@test -x $(OLDEST_POSTGRES)/initdb || { echo "PostgreSQL 15 is not at $(OLDEST_POSTGRES): install postgresql-15 or set OLDEST_POSTGRES"; exit 1; }
ifeq ($(NEWEST_PYTHON),)
	@echo "not run: the suite on Python 3.13, which is not on this machine (NEWEST_PYTHON names one)"
endif
	KURZ_TEST_RLS=1 KURZ_POSTGRES_BIN=$(OLDEST_POSTGRES) $(NEWEST_VENV)/bin/pytest $(PARALLEL) $(PYTEST) --ignore tests/browser \
		-m "not nightly and not clients$(if $(NEWEST_PYTHON),, and database)"

nightly: $(VENV)/.dev  ## full counts, faults over time, timing distributions: an hour
	$(BIN)/pytest -m nightly $(PYTEST)

fix: $(VENV)/.dev  ## put imports and layout right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(VENV)/.dev  ## print schema.graphql and docs/permissions.md from the code
	$(BIN)/python -m graph.schema > schema.graphql.new && mv schema.graphql.new schema.graphql
	$(BIN)/python -m graph.permissions > permissions.new && mv permissions.new docs/permissions.md

migration: $(VENV)/.dev  ## draft a migration from the tables: make migration NAME="add a column"
	$(BIN)/alembic revision --autogenerate -m "$(NAME)"

lock: $(VENV)/.dev  ## resolve the dependencies anew, with hashes
	$(COMPILE) --upgrade pyproject.toml -o requirements-server.lock
	$(COMPILE) --upgrade --extra local --group build pyproject.toml -o requirements.lock
	$(COMPILE) --upgrade --extra local --group build --group dev pyproject.toml -o requirements-dev.lock

bench: $(VENV)/.dev  ## measure redirects and write docs/performance.md (needs wrk, nginx and npm)
	$(BIN)/python -m benchmarks.redirect
	$(BIN)/python -m benchmarks.lane_steps
	$(BIN)/python -m benchmarks.visits
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.dashboards
	$(BIN)/python -m benchmarks.graphql
	$(BIN)/python -m benchmarks.execution
	$(BIN)/python -m benchmarks.first_steps

.venv-newest/%: PYTHON = $(NEWEST_PYTHON)
.PRECIOUS: %/bin/python

%/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Kurz needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $*

%/.run: requirements.lock pyproject.toml | %/bin/python
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

%/.dev: requirements-dev.lock pyproject.toml | %/bin/python
	$(INSTALL) --require-hashes -r requirements-dev.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@ $*/.run
