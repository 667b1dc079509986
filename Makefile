# Every command of the house. `make help` lists them; each makes the virtual environment it needs by itself.

.DEFAULT_GOAL := help
.PHONY: help demo test test-servers test-faults test-parts test-languages test-restate test-aws conformance sim reliability bench chaos chaos-aws up deploy down lint format clean

VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough, so that an old `python3` in front of a new one is no obstacle.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && exit; done; echo python3)
RESTATE := tests/conformance/restate
# The one that can read what our aws-cdk-lib writes; the registry's latest cannot.
CDK := aws-cdk@2.1148.1

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/local.stamp ## Watch an order survive kill -9: no AWS, no Docker, under a minute
	@$(BIN)/python -m examples.demo

# At the same time, as most of the tests mostly wait; what measures comes afterwards, alone.
test: $(VENV)/dev.stamp ## Lint, types, contracts and all tests; those that need Node or a browser say so when it is missing
	@$(MAKE) --no-print-directory --jobs=4 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
		lint test-servers test-faults test-parts
	$(BIN)/pytest tests/bench

test-servers: $(VENV)/dev.stamp ## Run the tests of whole servers and deployments, as users have them
	$(BIN)/pytest tests/e2e --ignore=tests/e2e/faults

test-faults: $(VENV)/dev.stamp ## Run the tests in which every call to AWS fails in every way
	$(BIN)/pytest tests/e2e/faults

test-parts: $(VENV)/dev.stamp ## Run all other tests but those that measure
	$(BIN)/pytest --ignore=tests/e2e --ignore=tests/bench

test-languages: $(VENV)/dev.stamp ## Run the examples in Go, Java and Kotlin against our server; a language that is not here is skipped
	HOLDFAST_TEST_ALL=1 $(BIN)/pytest tests/conformance/languages -rs

test-restate: $(VENV)/dev.stamp ## Run our SDK's acceptance cases on a stock Restate server (from npm; needs Node 20+)
	@command -v npm >/dev/null || { echo "make test-restate needs Node 20 or newer: its npm brings the Restate server." >&2; exit 1; }
	$(BIN)/pytest $(RESTATE)

test-aws: $(VENV)/dev.stamp ## Run only the tests for AWS, a deployment to a stand-in among them (needs Node 20+)
	$(BIN)/pytest tests/unit/aws tests/unit/cdk tests/unit/lambdas tests/properties/aws tests/race \
		tests/e2e/test_lambda_functions.py tests/e2e/faults tests/e2e/aws

conformance: $(VENV)/dev.stamp ## Drive black-box cases through ours and a stock Restate server, with our SDK and theirs (needs Node 20+)
	$(BIN)/pytest tests/conformance/blackbox --orchestrators=both --sdks=all

sim: $(VENV)/dev.stamp ## Play seeded histories on virtual time; SEEDS=1000 for more
	$(BIN)/python -m tests.simulation --seeds=$(or $(SEEDS),300)

reliability: $(VENV)/dev.stamp ## Try everything that docs/reliability.md reports, and write it; SEEDS=1000 KILLS=20
	$(BIN)/python -m tests.simulation.reliability --seeds=$(or $(SEEDS),1000) --kill-rounds=$(or $(KILLS),20) \
		--aws-kill-rounds=$(or $(KILLS),20)

bench: $(VENV)/dev.stamp ## Measure: invocations/s, latency, CPU and what DynamoDB would have billed
	$(BIN)/python -m tests.bench

chaos: $(VENV)/dev.stamp ## Kill the server with -9 a hundred times under load
	$(BIN)/pytest tests/e2e/test_kill.py --kill-rounds=100 --timeout=3600

chaos-aws: $(VENV)/dev.stamp ## Kill all functions' processes on the stand-in for AWS with -9 under load; ROUNDS=20 (needs Node 20+)
	$(BIN)/pytest tests/e2e/aws/test_kill.py --aws-kill-rounds=$(or $(ROUNDS),20) -s

up: $(VENV)/dev.stamp ## Deploy everything onto a stand-in for AWS here, by the real cdk deploy (LOCALSTACK=1: in Docker)
	@command -v npm >/dev/null || { echo "make up needs Node 20 or newer: the CDK's command comes from its npm." >&2; exit 1; }
	@$(BIN)/python -m localstack up $(if $(LOCALSTACK),--localstack) $(if $(PORT),--port $(PORT))

deploy: $(VENV)/dev.stamp ## Deploy the orchestrator to your AWS account, with the AWS CLI's credentials (needs Node 20+)
	@command -v npx >/dev/null || { echo "make deploy needs Node 20 or newer: the CDK's command comes from its npm." >&2; exit 1; }
	cd cdk && PATH="$(abspath $(BIN)):$$PATH" npx --yes $(CDK) bootstrap
	cd cdk && PATH="$(abspath $(BIN)):$$PATH" npx --yes $(CDK) deploy

down: $(VENV)/dev.stamp ## Remove what make up made
	@$(BIN)/python -m localstack down $(if $(LOCALSTACK),--localstack)

lint: $(VENV)/dev.stamp ## Check style, types and which package may import which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Format and mend what can be mended by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## Remove the virtual environment, caches and local data
	rm -rf $(VENV) .holdfast $(RESTATE)/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp is newer than pyproject.toml once its extra is installed, so that the second time costs nothing.
$(VENV)/local.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing Holdfast into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing Holdfast and its tools into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/local.stamp $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Holdfast needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo 'not installed')." >&2; \
		echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
