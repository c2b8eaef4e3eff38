# Everything a contributor runs. The files these targets make stay in the project's own folders
# (.deps, .venv, tavana-data) and in one cache folder, so that a second run or clone is quick.

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tavana
CARGO_TARGET_DIR ?= $(CACHE)/target
export CARGO_TARGET_DIR

PYTHON ?= python3
VENV := .venv/made
REQUIREMENTS := e2e/requirements.txt e2e/pg-requirements.txt e2e/lake-requirements.txt bench/requirements.txt tools/requirements.txt
CARGO_DENY := 0.20.2

# For the command line, e.g. make deps DEPS_FLAGS='--from official'
DEPS_FLAGS ?=
CARGO_FLAGS ?=
SERVE_FLAGS ?= --sample tpch:1
PYTEST_FLAGS ?=
BENCH_FLAGS ?=
LOAD_FLAGS ?=
FUZZ_SECONDS ?= 60
DENY_CHECKS ?= bans licenses sources

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps venv build serve test pg-clients pg-oracle pg-load test-lake fuzz lint deny fmt bench bench-estimates load load-mixed load-scans load-storm clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## fetch DuckDB's library and extensions into .deps
	@$(PYTHON) tools/deps.py $(DEPS_FLAGS)

venv: $(VENV) ## make the Python environment of tests, bench and lint in .venv

$(VENV): $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed")'
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "make: $(PYTHON) cannot make a virtual environment;" \
		"install its venv module (Debian and Ubuntu: python3-venv) or name another with PYTHON=" >&2; exit 1; }
	.venv/bin/python -m pip install --quiet --disable-pip-version-check $(REQUIREMENTS:%=--requirement %)
	@touch $@

build: deps ## build the programs, optimised
	cargo build $(CARGO_FLAGS) --release --workspace --bins

serve: deps ## build and serve a TPC-H sample on 127.0.0.1:50051
	cargo build $(CARGO_FLAGS) --release --package tavana
	"$(CARGO_TARGET_DIR)/release/tavana" serve --data-dir tavana-data $(SERVE_FLAGS)

test: export TAVANA_BIN_DIR = $(abspath $(CARGO_TARGET_DIR))/debug
test: deps $(VENV) ## run all tests: cargo's, then real clients against real processes
	cargo build $(CARGO_FLAGS) --workspace --bins
	@if cargo nextest --version >/dev/null 2>&1; then set -ex; \
		cargo nextest run $(CARGO_FLAGS) --workspace; cargo test $(CARGO_FLAGS) --workspace --doc; \
	else set -ex; cargo test $(CARGO_FLAGS) --workspace; fi
	.venv/bin/python -m pytest e2e/python $(PYTEST_FLAGS)

pg-clients: ## install the PostgreSQL clients that the tests use, from Debian's packages
	sh tools/pg_clients.sh

pg-oracle: export TAVANA_BIN_DIR = $(abspath $(CARGO_TARGET_DIR))/debug
pg-oracle: deps $(VENV) ## compare thousands of statements with what PostgreSQL 15 answered
	cargo build $(CARGO_FLAGS) --workspace --bins
	.venv/bin/python -m pytest e2e/python/test_pg_oracle.py e2e/python/test_pg_sequences.py $(PYTEST_FLAGS)

pg-load: export TAVANA_BIN_DIR = $(abspath $(CARGO_TARGET_DIR))/release
pg-load: export TAVANA_PG_IDLE = 10000
pg-load: export TAVANA_PG_SILENT = 5000
pg-load: deps $(VENV) ## hold 10,000 idle connections with TLS, and log in beside 5,000 silent ones
	cargo build $(CARGO_FLAGS) --release --workspace --bins
	.venv/bin/python -m pytest e2e/python/test_pg_load.py -s $(PYTEST_FLAGS)

test-lake: export TAVANA_BIN_DIR = $(abspath $(CARGO_TARGET_DIR))/debug
test-lake: export TAVANA_LAKE_SECONDS = 120
test-lake: deps $(VENV) ## write to lakes for minutes while workers are killed; maintenance and backups on every kind
	cargo build $(CARGO_FLAGS) --workspace --bins
	.venv/bin/python -m pytest e2e/python/test_lake_writers.py e2e/python/test_lake_upkeep.py $(PYTEST_FLAGS)

fuzz: ## feed noise to what strangers can reach: FUZZ_SECONDS for each target
	$(PYTHON) tools/fuzz.py --seconds $(FUZZ_SECONDS)

lint: deps $(VENV) ## check formatting, lints and repository hygiene
	$(PYTHON) tools/hygiene.py
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- --deny warnings
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .

deny: ## check licences, sources and banned crates; DENY_CHECKS=advisories for known holes
	@cargo deny --version >/dev/null 2>&1 || test -x "$(CACHE)/tools/bin/cargo-deny" || \
		env -u CARGO_TARGET_DIR cargo install cargo-deny --version $(CARGO_DENY) --locked --root "$(CACHE)/tools"
	PATH="$(CACHE)/tools/bin:$$PATH" cargo deny check $(DENY_CHECKS)

fmt: $(VENV) ## format all code
	cargo fmt --all
	.venv/bin/python -m ruff check --fix --select I .
	.venv/bin/python -m ruff format .

bench: deps $(VENV) ## measure against peers and write docs/benchmarks.md
	cargo build $(CARGO_FLAGS) --release --workspace --bins
	TAVANA_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/release" .venv/bin/python bench/run.py $(BENCH_FLAGS)

bench-estimates: deps $(VENV) ## measure how near size estimates are to what statements take, and write docs/estimates.md
	cargo build $(CARGO_FLAGS) --package tavana-worker --package tavana-gateway --bins
	TAVANA_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/debug" .venv/bin/python bench/estimates/run.py $(BENCH_FLAGS)

load: ## bear loads with admission, show them without, and write docs/load.md; LOAD_FLAGS=--quick for small ones
load-mixed: ## of these 500 mixed statements by 64 clients over both protocols
load-scans: ## of these 10 scans of 6 M rows at once
load-storm: ## of these 5,000 statements queued at once
# Not with `load` first, which is a word of make's own there.
load-mixed load-scans load-storm load: deps $(VENV)
	cargo build $(CARGO_FLAGS) --release --workspace --bins
	TAVANA_BIN_DIR="$(abspath $(CARGO_TARGET_DIR))/release" .venv/bin/python bench/admission/run.py \
		$(patsubst load-%,%,$(filter load-%,$@)) $(LOAD_FLAGS)

clean: ## remove what was built and fetched (not tavana-data, not the download cache)
	cargo clean
	rm -rf .deps .venv
