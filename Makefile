# One door for everything. Each target sets up what it needs in .venv.
PYTHON ?= python3
# Of random histories of the store: `default` (as in `make test`) or `chaos` (5,000 of 50 steps on each database: hours).
HISTORIES ?= default
BIN := .venv/bin
# As pip does it, but on all processors. What packages hold for other versions of Python does not compile here.
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib ml_intern || true
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test check format bench chaos docs venv clean debian trace-readers

help: ## show this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.train ## run the main job on this machine: no key, no GPU, no network
	@if [ -t 0 ] && [ -z "$(YES)" ]; then $(BIN)/ml-intern demo; else $(BIN)/ml-intern demo --yes; fi

test: .venv/.dev debian ## all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: .venv/.dev ## format, lint, types, arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## put the code into the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/.dev ## write docs/settings.md from the settings class
	$(BIN)/python -m ml_intern.cli.settings_table > docs/settings.md

bench: .venv/.dev ## timings, beside those of the machine itself
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.run
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.stores
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.daemons
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.slack
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.traces
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.large_traces
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.context --write
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.papers
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.papers_pdf

chaos: .venv/.dev ## kill the service a thousand times and count what is lost (CHAOS="--kills 50" HISTORIES=chaos)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos $(CHAOS)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos.uploads
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos.long_runs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m endurance tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/contract/test_store_model.py --hypothesis-profile $(HISTORIES)

trace-readers: .venv/.dev .venv/readers/.done $(if $(ALL),.venv/readers-hub/.done) ## ask other programs what they see in traces (ALL=1: the Hub's versions too; TRACES="FILE ...")
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.tracing.readers --python .venv/readers/bin/python \
	  $(if $(ALL),--hub-python .venv/readers-hub/bin/python) $(TRACES)

clean: ## remove the environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

venv: .venv/.train ## the program with what training needs, in .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("ml-intern needs Python 3.11 or newer; say make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "The venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

.venv/.train: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing ml-intern with its training libraries into .venv (some minutes, once) ..."
	@$(BIN)/pip install --quiet --no-compile -c constraints.txt -e '.[train]'
	@$(COMPILE)
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing ml-intern with all that tests and checks need into .venv (some minutes, once) ..."
	@$(BIN)/pip install --quiet --no-compile -c constraints.txt -e '.[train,postgres,ocr,dev]'
	@$(COMPILE)
	@touch .venv/.train $@

# Programs that read traces, in environments of their own: they pin much, and nothing of it is ours.
READERS := tests/tracing/readers

.venv/readers/.done: .venv/bin/python $(READERS)/requirements.txt $(READERS)/constraints.txt
	@echo "Installing what else reads traces into .venv/readers (1.2 GB, some minutes, once) ..."
	@$(PYTHON) -m venv .venv/readers
	@.venv/readers/bin/pip install --quiet --no-compile -c $(READERS)/constraints.txt -r $(READERS)/requirements.txt
	@touch $@

.venv/readers-hub/.done: .venv/bin/python $(READERS)/requirements-hub.txt $(READERS)/constraints.txt
	@$(PYTHON) -m venv .venv/readers-hub
	@.venv/readers-hub/bin/pip install --quiet --no-compile -c $(READERS)/constraints.txt -r $(READERS)/requirements-hub.txt
	@touch $@

# Optional for the product; the tests try them where they can be had. Program, and Debian's package for it.
TOOLS := bwrap:bubblewrap systemd-analyze:systemd systemd-nspawn:systemd-container dbus-daemon:dbus \
         /usr/share/pam-configs/systemd:libpam-systemd /usr/lib/postgresql:postgresql chromium:chromium

debian:
	@for tool in $(TOOLS); do \
	  [ -e "$${tool%:*}" ] || command -v "$${tool%:*}" >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	if [ "$$(id -u)" != 0 ]; then \
	  echo "Not root: the tests that boot systemd in a container are skipped."; \
	  [ -z "$$missing" ] || echo "Not installed:$$missing. Their tests are skipped (Debian: sudo apt-get install$$missing)."; \
	elif [ -n "$$missing" ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	elif [ -n "$$missing" ]; then \
	  echo "Not installed:$$missing. Their tests are skipped."; \
	fi
