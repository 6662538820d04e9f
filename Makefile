# lambdatotp: every command a developer needs. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lambdatotp
# Outside the clone, so that the next clone does not build the AWS SDK again.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)

PORT ?= 8000
DATABASE ?= lambdatotp.db
STAGE ?= dev
# By the stage's "lambda_architecture"; for arm64: rustup target add aarch64-unknown-linux-gnu.
ifndef LAMBDA_TARGET
LAMBDA_TARGET := $(shell $(PYTHON) -m tools.deploy.target $(STAGE))
endif
# Of the wheel for PyPI: any target that zig links for. The workflow has the list.
DIST_TARGET ?= x86_64-unknown-linux-gnu
MANYLINUX ?= manylinux2014
TAG ?=
TEMPLATE ?=
FEATURES := admin,embedded,sso
SIMULATE := cargo test --locked --quiet --profile simulation --features simulation --test simulation -- --nocapture
FUZZ_SECONDS ?= 15
ADVISORIES ?=

PIP = $(BIN)/pip install --quiet --disable-pip-version-check
# The first that knows dependency groups is 25.1.
PIP_VERSION := pip==25.3

# The version is part of the path: a new one here is a new file to make.
CARGO_FUZZ := $(CACHE)/tools/cargo-fuzz@0.13.2/bin/cargo-fuzz
CARGO_DENY := $(CACHE)/tools/cargo-deny@0.20.2/bin/cargo-deny
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))

# Lambda reads the files as another user, whatever our umask is; and what Python leaves
# in __pycache__ is not to be shipped.
SHIP = export PYTHONDONTWRITEBYTECODE=1 && umask 022 && mkdir -p out && chmod a+r app.py chalicelib/*.*

# The release build, as pip makes it, with the embedded engine: for the benchmarks of what does not
# run on Lambda.
EMBEDDED := out/bench-embedded/lambdatotp/_lambdatotp.abi3.so

RUST_SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src macros -name '*.rs')
PYTHON_SOURCES := $(shell find python/lambdatotp -name '*.py')
RELEASED := $(RUST_SOURCES) $(shell find python/lambdatotp tools/release -type f -not -name '*.so' -not -path '*/__pycache__/*') \
	README.md CHANGELOG.md LICENSE

.DEFAULT_GOAL := help
.PHONY: help run build check test test-rust test-simulation simulate test-python test-elsewhere screenshots test-lambda lint deny fuzz bench bench-cold bench-builds \
	instructions docs references dist test-dist release-check wheel vendor package deploy fmt mutants clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'
	@echo
	@echo "  PYTHON=$(PYTHON)  PORT=$(PORT)  DATABASE=$(DATABASE)  CARGO_TARGET_DIR=$(CARGO_TARGET_DIR)"

run: build ## Serve the app at http://127.0.0.1:8000 on the embedded engine (PORT=, DATABASE=)
	@$(BIN)/lambdatotp serve --app . --port $(PORT) --embedded $(DATABASE)

build: $(VENV)/.built ## Make .venv with the package installed

test: test-rust test-simulation test-python test-lambda ## Set up and pass everything

check: build $(VENV)/.bench-tools ## A minute's worth of it: no browser, no DynamoDB Local, no wheel (TESTS=tests/python/otp)
	cargo test --locked --quiet --features $(FEATURES)
	$(BIN)/python -m pytest -q -m "not browser and not local and not shipped and not dist" $(TESTS)

test-rust: ## The Rust tests: the pure core alone, then with DynamoDB and the embedded engine
	cargo test --locked --quiet --no-default-features
	cargo test --locked --quiet --features $(FEATURES)

test-simulation: ## 50,000 operations of the real store over a simulated network, and the small cases
	SIMULATION_OPERATIONS=50000 $(SIMULATE)

simulate: ## The same with a million operations and two faults a case (SIMULATION_SEED=)
	SIMULATION_OPERATIONS=1000000 SIMULATION_FAULTS=2 $(SIMULATE)

test-python: build $(VENV)/.bench-tools ## The Python tests, on the embedded engine and on DynamoDB Local
	$(BIN)/python -m tools.dynamodb_local
	$(BIN)/python -m tools.chromium
	$(BIN)/python -m tools.pyotp_suite --fetch
	$(BIN)/python -m tools.ministack
	$(BIN)/python -m pytest -q -m "not shipped and not dist" --durations=15

test-elsewhere: build $(VENV)/.bench-tools ## The Python tests under two more sets of fonts, locales, time zones (TESTS=)
	$(BIN)/python -m tools.dynamodb_local
	$(BIN)/python -m tools.chromium
	$(BIN)/python -m tools.ministack
	$(BIN)/python -m tools.elsewhere -m "not shipped and not dist" $(TESTS)

screenshots: build $(VENV)/.test-tools ## Take the pictures in docs/images/ anew, and the site's card
	$(BIN)/python -m tools.chromium
	mkdir -p docs/images
	$(BIN)/python -m pytest -q tests/python/page -k pictures --screenshots docs/images
	$(BIN)/python -m tools.site.card

test-lambda: build vendor $(VENV)/.bench-tools ## What `chalice deploy` ships, under AWS's own runtime client
	$(BIN)/python -m tools.dynamodb_local
	$(BIN)/python -m tools.ministack
	$(BIN)/python -m pytest -q -m shipped --durations=15

lint: build $(VENV)/.bench-tools $(VENV)/.docs-tools ## rustfmt, clippy, rustdoc, ruff, Biome, mypy and stubtest: no warning passes
	cargo fmt --all --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --locked --quiet --package lambdatotp --package lambdatotp-macros --all-targets --features python,$(FEATURES) -- -D warnings
	cargo clippy --locked --quiet --all-targets --features $(FEATURES),simulation -- -D warnings
	cargo clippy --locked --quiet --no-default-features -- -D warnings
	cargo clippy --locked --quiet --features python -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps --features $(FEATURES)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m tools.words
	$(BIN)/python -m tools.biome
	$(BIN)/python -m tools.actionlint
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --concise --mypy-config-file pyproject.toml lambdatotp

deny: $(CARGO_DENY) ## Licences, duplicates and sources of what is linked in (ADVISORIES=1: RustSec, from github.com)
	@$(CARGO_DENY) --locked --features python check -A unmatched-skip-root -A unmatched-skip \
		-A license-exception-not-encountered \
		licenses bans sources $(if $(ADVISORIES),advisories)
	@$(CARGO_DENY) --locked --all-features check licenses bans sources $(if $(ADVISORIES),advisories)

fuzz: $(CARGO_FUZZ) ## Throw text and items at what reads them (FUZZ_SECONDS=15 each); needs a C++ compiler
	@cargo fetch --locked --quiet --manifest-path fuzz/Cargo.toml
	@PATH=$(dir $(CARGO_FUZZ)):$$PATH CACHE=$(CACHE)/fuzz fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: build $(VENV)/.bench-tools package $(EMBEDDED) ## Side by side with the peers, into benches/RESULTS.md (ONLY="calls trips", QUICK=1, USERS=)
	PYTHONPATH=out/bench-embedded $(BIN)/python -m benches $(ONLY) $(if $(QUICK),--quick) $(if $(USERS),--users $(USERS))

bench-cold: ## Of these, what a cold start costs
	$(MAKE) bench ONLY="first_use shape"

bench-builds: build $(VENV)/.bench-tools ## Size and cold start of differing builds (half an hour)
	$(BIN)/python -m benches.builds

instructions: $(VENV)/.bench-tools $(EMBEDDED) ## Instruction counts of the hot paths against the stored ones (UPDATE=1 stores them)
	$(BIN)/python -m benches.instructions $(if $(UPDATE),--update)

docs: build $(VENV)/.docs-tools ## The documentation as a site, in out/site: no warning passes
	@$(BIN)/python -m tools.site.pages
	@$(BIN)/zensical build --config-file mkdocs.yml --clean --strict
	@$(BIN)/python -m tools.site.pages check
	@echo "lambdatotp: the documentation is in out/site: open out/site/index.html"

references: build $(VENV)/.test-tools ## Write docs/reference-*.md and the list of messages anew, after a change of what they hold
	@$(BIN)/python -m tools.site.references
	@$(BIN)/python -m tools.messages

dist: dist/.built-$(DIST_TARGET) ## The sdist and, built from it, the wheel for PyPI, into dist/ (DIST_TARGET=)

test-dist: build dist $(VENV)/.bench-tools ## Install that wheel and that sdist with each Python here, and use them
	$(BIN)/python -m pytest -q -m dist

release-check: dist $(VENV)/.test-tools ## Say what is in the way of a release (TAG=v0.2.0)
	@$(BIN)/python -m tools.release.check state $(if $(TAG),--tag $(TAG))
	@$(BIN)/python -m tools.release.check files dist

wheel: out/lambda/.built-$(LAMBDA_TARGET) ## The wheel for Lambda: glibc 2.17, without the embedded engine (LAMBDA_TARGET=)

vendor: build wheel ## Fill vendor/ from that wheel: what `chalice deploy` ships
	@$(BIN)/python -m tools.deploy.vendor out/lambda/lambdatotp-*.whl

package: vendor ## Write what would be deployed to out/ (STAGE=dev, TEMPLATE=.chalice/table.json)
	@$(SHIP) && AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} \
		$(BIN)/chalice package --stage $(STAGE) $(if $(TEMPLATE),--merge-template $(TEMPLATE)) out/$(STAGE)
	@ls -l out/$(STAGE)

deploy: vendor ## Deploy to AWS and print the URL (STAGE=dev)
	@$(SHIP) && $(BIN)/chalice deploy --stage $(STAGE)

fmt: $(VENV)/.test-tools ## Format Rust and Python
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

mutants: build $(VENV)/.test-tools ## Break each guarantee on purpose and see its test fail (minutes)
	$(BIN)/python -m tools.mutants

clean: ## Remove what the targets made here; the cache stays
	rm -rf $(VENV) dist out vendor target .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -f python/lambdatotp/*.so

$(CARGO_FUZZ) $(CARGO_DENY):
	@echo "lambdatotp: installing $(notdir $(@D:/bin=)) ..."
	@env -u CARGO_TARGET_DIR cargo install --quiet --locked --root $(@D:/bin=) $(notdir $(@D:/bin=))

$(VENV)/.tools: pyproject.toml
	@echo "lambdatotp: making $(VENV) with the build tools ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "lambdatotp needs Python 3.10 or newer: make PYTHON=/path/to/python3.12"; exit 1; }
	@command -v cargo >/dev/null || { echo "lambdatotp needs Rust 1.94.1 or newer: https://rustup.rs"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) $(PIP_VERSION)
	@$(PIP) --group dev
	@touch $@

$(VENV)/.test-tools: $(VENV)/.tools
	@echo "lambdatotp: installing the test tools ..."
	@$(PIP) --group test
	@touch $@

$(VENV)/.docs-tools: $(VENV)/.tools
	@echo "lambdatotp: installing the site's generator ..."
	@$(PIP) --group docs
	@touch $@

$(VENV)/.bench-tools: $(VENV)/.test-tools
	@$(PIP) --group bench
	@touch $@

$(VENV)/.lambda-tools: $(VENV)/.tools
	@echo "lambdatotp: installing the cross compiler ..."
	@$(PIP) --group lambda
	@touch $@

# Its build tag gives it another name than the wheel on PyPI has, with the same version.
out/lambda/.built-$(LAMBDA_TARGET): $(VENV)/.lambda-tools $(RUST_SOURCES) $(PYTHON_SOURCES)
	@echo "lambdatotp: building the module for Lambda (minutes, the first time) ..."
	@rm -rf out/lambda
	@$(BIN)/maturin build --profile lambda --locked --zig --target $(LAMBDA_TARGET) \
		--compatibility manylinux2014 --features python --out out/lambda
	@$(BIN)/wheel tags --remove --build 0lambda out/lambda/lambdatotp-*.whl
	@touch $@

# From a copy of what git tracks; maturin makes the sdist of it, and the wheel from the sdist. All
# files in an sdist are dated 2006: without `tar -m`, cargo would take what it built of other
# sources for up to date, and `maturin build --sdist` ships that.
dist/.built-$(DIST_TARGET): $(VENV)/.lambda-tools $(RELEASED)
	@echo "lambdatotp: building the sdist and the wheel (minutes, the first time) ..."
	@rm -rf dist out/release
	@$(BIN)/python -m tools.release.source out/release/source
	@$(BIN)/maturin sdist --manifest-path out/release/source/Cargo.toml --out dist
	@mkdir out/release/unpacked
	@tar -xzmf dist/lambdatotp-*.tar.gz -C out/release/unpacked --strip-components 1
	@$(BIN)/maturin build --manifest-path out/release/unpacked/Cargo.toml --release --locked --zig \
		--target $(DIST_TARGET) --compatibility $(MANYLINUX) --out dist
	@touch $@

$(EMBEDDED): $(RUST_SOURCES) $(PYTHON_SOURCES)
	@echo "lambdatotp: building the module with the embedded engine, for release ..."
	@# Not `cargo build`: beside the rlib it would leave link-time optimization out, silently.
	@PYO3_BUILD_EXTENSION_MODULE=1 cargo rustc --locked --quiet --release --lib \
		--crate-type cdylib --features python,admin,embedded
	@rm -rf out/bench-embedded && mkdir -p out/bench-embedded
	@cp -r python/lambdatotp out/bench-embedded && rm -f out/bench-embedded/lambdatotp/*.so
	@cp $(CARGO_TARGET_DIR)/release/liblambdatotp.so $@

$(VENV)/.built: $(VENV)/.tools $(RUST_SOURCES)
	@echo "lambdatotp: building the Rust extension (the first time takes a few minutes) ..."
	@$(BIN)/maturin develop --locked
	@touch $@
