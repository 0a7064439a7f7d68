# Two commands are enough: `make run` and `make test`. Both set up .venv, from requirements pinned
# with hashes, and set it up again only when the requirements change.

PORT ?= 5000
WORKERS ?= 1
TESTERS ?= 5

# The image and CI run on Python 3.11, so it comes first. A name on PATH may be a shim that does not
# run, or an installation without pip and ensurepip: each candidate must start and fill an environment.
PYTHONS = python3.11 python3.12 python3.13 python3.14 python3 python
PYTHON ?= $(shell for each in $(PYTHONS); do \
    $$each -c 'import sys, venv; from importlib.util import find_spec; \
    sys.exit(sys.version_info < (3, 11) or not (find_spec("pip") or find_spec("ensurepip")))' \
    2>/dev/null && { echo $$each; break; }; done)

# Bytecode is kept. Without it each process of a test compiles the bank or the tests anew.
unexport PYTHONDONTWRITEBYTECODE

BIN = .venv/bin
RUNTIME = .venv/runtime-installed
DEVELOPMENT = .venv/development-installed
WHEELS = build/wheels/fetched
GENERATED = docs/api.md docs/roles.md docs/settings.md

# uv installs in a second, pip in ten; but only pip knows an index set in pip's own
# configuration, so pip has the last word.
PIP = $$($(BIN)/python -c 'import pip' 2>/dev/null && echo $(BIN)/python -m pip || \
    echo $(PYTHON) -m pip --python $(BIN)/python) --disable-pip-version-check
install = $(BIN)/uv pip install $(QUIET) --compile-bytecode --python $(BIN)/python $(1) || \
    $(PIP) install --quiet $(1)
QUIET = $$([ -t 2 ] || echo --quiet) # a terminal shows the progress
PACKAGES = $$(grep -c '^[a-z].*==' $(1))
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-strip-extras --custom-compile-command "make requirements" $(UPGRADE) pyproject.toml

.PHONY: help run picture docs demo test quick soak faults image-test mutants bench audit sbom requirements clean
.DEFAULT_GOAL := help

help:
	@echo 'make run           start the bank on http://localhost:5000 (PORT=, WORKERS=)'
	@echo 'make demo          the same with people in it, and a year of their money'
	@echo 'make test          every check: style, types, layers, tests, coverage'
	@echo 'make quick         a minute of tests: rules, business layer, memory and SQLite, gates'
	@echo 'make soak          the long rounds of tests that repeat: kills, examples, load'
	@echo 'make faults        breaks banks on each durable store 200 times: build/faults (an hour or two)'
	@echo 'make image-test    builds deploy/Dockerfile and runs it (podman, mmdebstrap; as root)'
	@echo 'make mutants       which small breaks of the rules of money fail no test'
	@echo 'make docs          write the generated tables and the picture of the layers anew'
	@echo 'make picture       the overview page, as the README shows it'
	@echo 'make bench         costs, as ratios'
	@echo 'make audit         known vulnerabilities in the requirements'
	@echo 'make sbom          the software bill of materials, build/sbom.cdx.json'
	@echo 'make requirements  pin the dependencies of pyproject.toml (UPGRADE=--upgrade: the newest)'
	@echo 'make clean         remove .venv and the files of the checks'

run: $(RUNTIME)
	@echo 'With people in it, and a year of their money: make demo'
	@exec $(BIN)/accounts serve --port $(PORT) --workers $(WORKERS)

demo: $(RUNTIME)
	@exec $(BIN)/accounts demo --port $(PORT) --workers $(WORKERS)

test: $(DEVELOPMENT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	COVERAGE_FILE='$(CURDIR)/.coverage' $(BIN)/pytest --numprocesses $(TESTERS) --dist loadfile \
	    --no-loadscope-reorder --cov --cov-report=term --ignore tests/image

quick: $(DEVELOPMENT)
	$(BIN)/pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder \
	    -m 'not soak' -k 'not postgres and not mongo' --ignore tests/stores/test_recipes.py \
	    tests/gates tests/ledger tests/collections tests/stores

soak: $(DEVELOPMENT)
	SOAK=true $(BIN)/pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder -m soak

faults: $(DEVELOPMENT)
	$(BIN)/python -m tests.faults $(FAULTS)

image-test: $(DEVELOPMENT) $(WHEELS)
	$(BIN)/pytest tests/image

mutants: $(DEVELOPMENT)
	nice $(BIN)/mutmut run
	$(BIN)/mutmut results

# Known vulnerabilities in the packages of servers and of the checks.
audit: $(DEVELOPMENT)
	@for each in deploy/requirements.txt requirements-dev.txt; do \
	    $(BIN)/pip-audit --disable-pip --require-hashes --requirement $$each --format json \
	        --progress-spinner off 2>/dev/null | $(BIN)/python .ci/audit.py || exit 1; done

# The software bill of materials (CycloneDX) of the packages on servers.
sbom: $(DEVELOPMENT)
	@mkdir -p build
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml \
	    --output-reproducible --output-file build/sbom.cdx.json deploy/requirements.txt
	@echo 'Wrote build/sbom.cdx.json.'

bench: $(DEVELOPMENT)
	$(BIN)/python -m bench

picture: $(DEVELOPMENT)
	$(BIN)/python -m tests.web.picture docs/overview.png

docs: $(DEVELOPMENT)
	$(BIN)/cog -r -P -I docs $(GENERATED)
	$(BIN)/python -m bench.layers docs/layers.svg

requirements: $(BIN)/uv
	$(COMPILE) --group build --output-file requirements.txt
	$(COMPILE) --group build --all-extras --constraint requirements.txt \
	    --output-file deploy/requirements.txt
	$(COMPILE) --group build --group dev --constraint deploy/requirements.txt \
	    --output-file requirements-dev.txt

clean:
	rm -rf .venv build dist *.egg-info .coverage .coverage.* htmlcov .hypothesis .schemathesis
	rm -rf mutants .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Each stamp is touched last, so an installation that failed is begun again.
$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/uv
	@echo "Step 2: the bank, $(call PACKAGES,requirements.txt) packages ..."
	@$(call install,--require-hashes --requirement requirements.txt)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME) | $(BIN)/uv
	@echo "Step 3: the checks, $(call PACKAGES,requirements-dev.txt) packages ..."
	@$(call install,--require-hashes --requirement requirements-dev.txt)
	@touch $@

# The packages of the image; nothing is fetched while it is built.
$(WHEELS): deploy/requirements.txt | $(RUNTIME)
	@echo 'Fetching the packages of the image ...'
	@rm -rf build/wheels
	@$(PIP) download --quiet --require-hashes --only-binary :all: --dest build/wheels \
	    --requirement deploy/requirements.txt
	@touch $@

$(BIN)/uv: | $(BIN)/python
	@sed -n '/^uv==/,/^    #/p' requirements-dev.txt >.venv/uv.txt
	@$(PIP) install --quiet --require-hashes --only-binary :all: --requirement .venv/uv.txt || \
	    echo 'No uv for this machine: pip installs everything, more slowly.'

# Where Debian leaves out ensurepip, the pip of $(PYTHON) works from outside.
$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'Accounts needs Python 3.11 or newer, with pip.' >&2; exit 1; }
	@echo "Step 1: .venv with $$($(PYTHON) -V) ($(PYTHON)): the first of '$(PYTHONS)' that is 3.11 or"
	@echo 'newer and can fill an environment. Another one: make PYTHON=python3.x'
	@rm -rf .venv
	@if $(PYTHON) -m pip --version >/dev/null 2>&1; \
	    then $(PYTHON) -m venv --without-pip .venv; else $(PYTHON) -m venv .venv; fi
