# Postroom needs Python 3.11 and make; everything else comes with pip into .venv, and runs in .run.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
SOURCES := shared services cli deploy tests

# Python is started hundreds of times: what one has compiled, the next needn't.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help venv demo up down status test browser lint format bench faults schemathesis pictures pictures-of-pages clean distclean

help: ## what can be done here
	@echo "make demo           start everything, play the scenario, stay until Ctrl-C"
	@echo "make demo ONCE=1    the same, checked, and stop: exit code 0 or 1"
	@echo "make up             start everything in the background (Kafka, Postgres, mailbox, services)"
	@echo "make status         what runs, and where"
	@echo "make down           stop everything; the data stay"
	@echo "make test           all tests"
	@echo "make lint           ruff, mypy --strict, import-linter"
	@echo "make bench          mails per second of a burst of 2,000 events; how long a page takes with 10,000 orders and 100,000 logs"
	@echo "make faults         break a house of its own under load, for an hour or so: nothing lost, nothing doubled, nothing stuck"
	@echo "make schemathesis   ask every documented HTTP call with made-up values, for half an hour: no 5xx, no undocumented answer"
	@echo "make pictures       take the pictures of docs/messages.md again, from real renders"
	@echo "make pictures-of-pages  the same for docs/page.md, from a house that runs"
	@echo "make format         let ruff format everything"
	@echo "make clean          stop everything and remove the data"
	@echo "make distclean      the same, and remove .venv with all that was downloaded"

venv: .venv/ready ## the virtual environment, made anew when the requirements change

.venv/ready: requirements/dev.txt requirements/uv.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Postroom needs Python 3.11, and there is no $(PYTHON) here."; \
	  echo "Install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv), or name yours: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module (Debian, Ubuntu: apt-get install python3.11-venv)"; exit 1; }
	@test -x $(BIN)/python || { echo "Making the virtual environment .venv …"; $(PYTHON) -m venv .venv; }
	@echo "Installing the pinned packages (about 120, once; their hashes are checked) …"
	@$(PIP) --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --no-config --python $(BIN)/python --require-hashes --no-deps -r requirements/dev.txt \
	  || $(PIP) --require-hashes -r requirements/dev.txt # where only pip knows the way to the packages
	@$(PIP) --no-build-isolation -e .
	@touch $@

demo: venv
	@$(BIN)/python -m embedded demo $(if $(filter-out 0,$(ONCE)),--once)

up down status: venv
	@$(BIN)/python -m embedded $@

test: venv browser
	@$(BIN)/python -m pytest --numprocesses 2 --durations 10 $(ARGS)

browser: venv
	@$(BIN)/python -m embedded.chromium

lint: venv
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/lint-imports

format: venv
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

clean:
	@if test -f .venv/ready; then $(BIN)/python -m embedded clean; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

distclean:
	@if test -f .venv/ready; then $(BIN)/python -m embedded clean; fi
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

bench: up ## how many mails a second, in a burst of 2,000 through the whole house; then how long a page takes
	@$(BIN)/python -m tests.benchmarks.burst 2000
	@$(BIN)/python -m tests.benchmarks.pages --orders 10000 --logs 100000

faults: venv ## kills, stops, a server that misbehaves, each guard removed in turn; SEEDS="4 5 6", ARGS="--add --only NAME"
	@$(BIN)/python -m tests.faults $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

schemathesis: up ## every documented call with made-up values: no 5xx, no undocumented answer
	@$(BIN)/python -m tests.e2e.openapi_probe $(ARGS)

pictures: venv browser ## the mails that docs/messages.md shows
	@$(BIN)/python -m tests.pictures

pictures-of-pages: up browser ## the pages that docs/page.md shows
	@$(BIN)/python -m tests.pictures.pages
