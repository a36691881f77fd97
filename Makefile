# `make` lists the targets. The first target that needs them installs the dependencies into .venv.

PYTHON ?= $(shell command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SAM_VENV := .sam-venv
SAM := PATH="$(CURDIR)/$(BIN):$$PATH" SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam
SAM_INSTALLED := $(SAM_VENV)/.installed
LOCKED := functions/pyproject.toml layers/flamehouse/pyproject.toml pyproject.toml

# Tests spend as much time waiting for servers and disks as computing; each process takes 1.5 GB of memory.
WORKERS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))
PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 8 -r fEs
RETEST := $(BIN)/pytest -v -r fE --exitfirst --last-failed --last-failed-no-failures none

# How long `make soak` injects faults.
SECONDS ?= 300

# Tests that start no server, except those with generated input or decompression bombs.
QUICK := -m "not fuzz" --ignore tests/ingest/formats/jfr --ignore tests/ingest/test_hostile_uploads.py --ignore tests/ingest/objects \
	--ignore-glob "*/test_hostile.py" --ignore-glob "*/test_bombs.py" \
	tests/flamehouse/model tests/flamehouse/render tests/flamehouse/web tests/flamehouse/identity \
	tests/flamehouse/serverless tests/flamehouse/test_settings.py tests/ingest tests/querier tests/console tests/adhoc \
	tests/cli/test_tree.py tests/test_docs.py tests/test_words.py

.DEFAULT_GOAL := help

export UV_PYTHON_DOWNLOADS := never
export PYTHONPYCACHEPREFIX :=

.PHONY: help run demo test quick wheel fuzz check tested retest lint format types imports generated golden openapi proto template bundle cloud lock live-python live-go live-node \
	live-rust live-java live-collector large-import soak bench screenshot clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED) ## Serve on http://127.0.0.1:4040, data in ./data (HOST, PORT and DATA_DIR override)
	@exec $(BIN)/flamehouse serve

demo: $(INSTALLED) ## Profile a small program, upload to the running server, and print the flame graph
	@$(BIN)/python -m tools.demo

test: $(INSTALLED) ## Run all tests: half an hour on 2 cores (make quick: 3 minutes)
	@echo "All tests take half an hour on 2 cores; make quick runs those without servers in under 3."
	$(PYTEST)

quick: $(INSTALLED) ## Run the tests that start no server: under 3 minutes on 2 cores
	$(PYTEST) $(QUICK)

wheel: $(INSTALLED) ## Build the wheel of the local server into dist/, and test it
	$(BIN)/uv build --quiet --wheel --out-dir dist
	$(BIN)/pytest tests/install/test_wheel.py

fuzz: $(INSTALLED) ## Run the tests that generate their input, with FUZZ_TIMES as many examples
	FUZZ_TIMES=$${FUZZ_TIMES:-100} $(PYTEST) -m fuzz

check: export BUNDLE := .aws-sam/build
check: lint types imports generated template bundle tested ## Run all checks and tests, including the build for AWS

# Many tests wait for other programs, which time out if all tests together occupy the machine: a test fails the check if
# it also fails alone.
tested: $(INSTALLED)
	$(PYTEST) || { [ $$? -eq 1 ] && $(RETEST); }

retest: $(INSTALLED) ## Run the tests that failed last once more, one at a time, up to the first that fails
	$(RETEST)

lint: $(INSTALLED) ## Check formatting and lint
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/oxlint --quiet --deny-warnings --config .oxlintrc.json functions/ui/static/js

format: $(INSTALLED) ## Format the sources
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

types: $(INSTALLED) ## Check types
	$(BIN)/mypy

imports: $(INSTALLED) ## Check the imports between packages
	$(BIN)/lint-imports

generated: proto openapi ## Check that generated files are up to date
	git diff --exit-code -- layers/flamehouse/src/flamehouse/pb docs/openapi.json

openapi: $(INSTALLED) ## Generate docs/openapi.json from routes and messages
	$(BIN)/python -m reference.document docs/openapi.json

golden: $(INSTALLED) ## Rewrite tests/flamehouse/store/golden: the SQL that ClickHouse receives
	UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/flamehouse/store/test_golden.py

proto: $(INSTALLED) ## Generate flamehouse/pb from proto/
	$(BIN)/python -m grpc_tools.protoc --proto_path proto --python_out layers/flamehouse/src \
		--pyi_out layers/flamehouse/src $(wildcard proto/flamehouse/pb/*.proto)

template: $(SAM_INSTALLED) ## Check template.yaml and the templates in deploy/aws
	$(SAM) validate --lint
	$(SAM_VENV)/bin/cfn-lint --regions us-east-1 -- deploy/aws/*.yaml

bundle: $(SAM_INSTALLED) ## Build the functions and layers for AWS into .aws-sam/build
	@$(SAM) build

cloud: bundle ## Run the build for AWS behind a local gateway on port 4041 (PORT overrides)
	@$(BIN)/python -m tools.gateway --port $${PORT:-4041}

lock: $(INSTALLED) ## Pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --upgrade \
		--no-emit-package flamehouse --extra local --extra web --group pyproject.toml:dev \
		functions/pyproject.toml layers/flamehouse/pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-package flamehouse \
		--python-version 3.13 --python-platform aarch64-manylinux_2_28 --constraint requirements.lock \
		functions/pyproject.toml layers/flamehouse/pyproject.toml \
		--output-file layers/dependencies/requirements.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-package flamehouse \
		--python-version 3.13 --python-platform aarch64-manylinux_2_28 --constraint requirements.lock --extra web \
		$$(sed -nE 's/^([a-z0-9.-]+)==.*/--no-emit-package \1/p' layers/dependencies/requirements.txt) \
		functions/pyproject.toml layers/flamehouse/pyproject.toml --output-file layers/dependencies/fastapi.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header --no-annotate \
		--no-emit-package flamehouse --constraint requirements.lock --extra local --extra web \
		functions/pyproject.toml layers/flamehouse/pyproject.toml --output-file requirements.local.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header --no-annotate \
		--upgrade --group pyproject.toml:sam --output-file requirements.sam.lock

# Profiles a program with a real SDK, which uploads to a temporary local server and to the build for AWS.
LIVE = $(BIN)/python -m tools.live_$(@:live-%=%) --build .aws-sam/build

live-python: bundle ## Profile a program with the Python SDK
	@$(LIVE)

live-go: bundle ## Profile a program with the Go SDK (needs go)
	@$(LIVE)

live-node: bundle ## Profile a program with the Node.js SDK (needs node and npm)
	@$(LIVE)

live-rust: bundle ## Profile a program with the Rust SDK (needs cargo, and minutes to build)
	@$(LIVE)

large-import: $(INSTALLED) ## Import a million qryn rows while killing the import at random (an hour; ARGS="--rows 20000")
	$(BIN)/python -m tests.support.qryn.large_history $(ARGS)

live-collector: bundle ## Send a profile through a real OpenTelemetry collector (needs go, and minutes to build)
	@$(LIVE)

live-java: bundle ## Profile a program with the Java agent (needs a JDK and mvn)
	@$(LIVE)

soak: bundle ## Send uploads to the build for AWS while ClickHouse fails at random, and compare sums (SECONDS=300)
	@$(BIN)/python -m tests.support.soak --seconds $(SECONDS) $(ARGS)

bench: $(INSTALLED) ## Run the benchmarks and print the results (ARGS="--quick", ARGS="--only flamegraph")
	$(BIN)/python -m bench $(ARGS)

screenshot: $(INSTALLED) ## Take the screenshot in the README (needs chromium)
	$(BIN)/python -m tools.screenshot

clean: ## Remove everything installed or built; ./data stays
	rm -rf $(VENV) $(SAM_VENV) .aws-sam

$(INSTALLED): requirements.lock $(LOCKED)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || \
		{ echo "flamehouse needs Python 3.13: set PYTHON to its interpreter" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--editable layers/flamehouse --editable functions
	@touch $@

$(SAM_INSTALLED): requirements.sam.lock | $(INSTALLED)
	$(BIN)/python -m venv --without-pip $(SAM_VENV)
	$(BIN)/uv pip install --quiet --python $(SAM_VENV)/bin/python --require-hashes --requirement $<
	@touch $@
