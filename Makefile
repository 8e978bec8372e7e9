# segcore: `make segment` and `make test` are all that a fresh machine needs.

PYTHON    ?= python3
INPUT     ?= data/sample
OUT       ?= data/out
JOB       ?= jobs/online-retail.toml
K         ?=
MEMORY    ?=
SCHEDULER ?=
ROWS      ?= 5e6
FOLDER    ?= data/bench
PEERS     ?=
LAST      ?= 2011-11-24
NIGHTS    ?= 40
WINDOW    ?= 270d
QUICK     ?=
BASE      ?= HEAD
TURNS     ?= 3
ROOM      ?=
SAMPLE    ?=
ONLY      ?=
TIMES     ?= 1
UPGRADE   ?=
TESTERS   ?= 3

VENV := .venv
BIN  := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help segment test test-all mutants lint format bench bench-scale bench-same bench-memory bench-incremental bench-nights bench-dates audit bench-self browser screenshots sample data lock audit-deps clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS="$$(printf '\t')" read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done
	@echo '  variables of make segment: INPUT=$(INPUT) OUT=$(OUT) JOB=$(JOB) K= MEMORY= SCHEDULER='

$(VENV)/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("segcore needs Python 3.11 or newer; this is " + sys.version.split()[0] + ": set PYTHON=python3.12 or so") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# What an extra of pyproject.toml adds to that: dev, databases, bench, mutants, audit.
$(VENV)/.%: .ci/constraints/%.txt $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(VENV)/.bench $(VENV)/.mutants $(VENV)/.databases $(VENV)/.audit: $(VENV)/.dev

segment: $(VENV)/.run ## segment INPUT into OUT and say where the report is
	@report=$$($(BIN)/segcore segment $(INPUT) --out $(OUT) --job $(JOB) \
	  $(if $(K),--k $(K)) $(if $(MEMORY),--memory $(MEMORY)) $(if $(SCHEDULER),--scheduler $(SCHEDULER))) \
	  && echo "report: $$report"

test: $(VENV)/.dev $(VENV)/.databases ## run the tests (about a quarter of an hour on two cores)
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder -m 'not slow'

test-all: $(VENV)/.dev $(VENV)/.databases ## run the long tests too
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder --timeout 1800

mutants: $(VENV)/.mutants ## small wrong changes that no test of the room notices; ROOM=selection SAMPLE=100
	$(BIN)/python -m tests.mutants $(ROOM) $(if $(SAMPLE),--sample $(SAMPLE))

lint: $(VENV)/.dev ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## segcore beside plain pandas + scikit-learn; ROWS=5e6
	$(BIN)/python -m tests.benchmarks.bench --rows $(ROWS)

bench-scale bench-same: ROWS = 1e7

bench-scale: $(VENV)/.bench ## segcore at 1 GB beside DuckDB, PySpark and pandas; ROWS=1e7 FOLDER=data/bench PEERS=duckdb,spark,pandas ONLY=segcore
	@command -v java >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq default-jre-headless >/dev/null; } \
	  || echo 'there is no Java, and only root can install it: Spark is left out' >&2
	$(BIN)/python -m tests.benchmarks.scale --rows $(ROWS) --folder $(FOLDER) $(if $(PEERS),--peers $(PEERS)) $(if $(ONLY),--only $(ONLY))

bench-same: $(VENV)/.dev ## the same bytes however it is run; ROWS=1e7 FOLDER=data/bench
	$(BIN)/python -m tests.benchmarks.same_answer --rows $(ROWS) --folder $(FOLDER)

bench-memory: $(VENV)/.dev ## memory at 1 GB on dumps of hostile shapes; TIMES=1 FOLDER=data/bench ONLY='one random'
	$(BIN)/python -m tests.benchmarks.memory --times $(TIMES) --folder $(FOLDER) $(if $(ONLY),--only $(ONLY))

bench-incremental: ROWS = 5e6
bench-incremental: $(VENV)/.dev ## a night that adds one day to many, with what earlier nights kept and without; ROWS=5e6 FOLDER=data/bench
	$(BIN)/python -m tests.benchmarks.incremental --rows $(ROWS) --folder $(FOLDER)

bench-nights: $(VENV)/.dev ## how often a nightly run changes its mind; INPUT=data/online-retail LAST=2011-11-24 NIGHTS=40 WINDOW=270d QUICK=1
	$(BIN)/python -m tests.benchmarks.nights $(INPUT) --last $(LAST) --nights $(NIGHTS) --window $(WINDOW) $(if $(QUICK),--quick --lines following)

bench-dates: $(VENV)/.dev ## rules of choice on fresh runs at 15 dates and other seeds; INPUT=data/online-retail FOLDER=data/bench
	$(BIN)/python -m tests.benchmarks.dates $(INPUT) $(FOLDER)/dates
	$(BIN)/python -m tests.benchmarks.rules $(FOLDER)/dates

audit: $(VENV)/.dev ## what the statistics claim, held against simulated truth (half an hour); INPUT=data/online-retail ONLY='names renames'
	$(BIN)/python -m tests.benchmarks.audit $(INPUT) $(FOLDER)/audit $(if $(ONLY),--rows $(ONLY))

bench-self: $(VENV)/.dev ## this code beside an earlier commit's, by turns; BASE=HEAD INPUT=data/sample TURNS=3
	$(BIN)/python -m tests.benchmarks.against_itself $(INPUT) --base $(BASE) --turns $(TURNS)

browser: ## install Chromium and axe-core for the report's tests (Debian, as root)
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium poppler-utils; }
	test -d node_modules/axe-core || npm install --no-save --no-audit --no-fund --silent axe-core@4

screenshots: $(VENV)/.dev ## the README's pictures from the run in OUT
	$(BIN)/python -m tests.report.screenshots $(OUT) data/readme

sample: $(VENV)/.run ## make the shipped dump again
	rm -rf data/sample data/sample.truth.parquet
	$(BIN)/segcore simulate --rows 20000 --customers 1250 --seed 0 --start 2022-12-01 --days 374 --out data/sample

data: $(VENV)/.run ## fetch the Online Retail data set into data/online-retail
	$(BIN)/segcore download online-retail --out data/online-retail

lock: $(VENV)/.dev ## pin what pyproject.toml asks for, with hashes; UPGRADE=--upgrade or '--upgrade-package NAME'
	.ci/lock $(UPGRADE)

audit-deps: $(VENV)/.audit ## look for known vulnerabilities of what is pinned, where an advisory database can be reached
	$(BIN)/python .ci/audit_deps.py

clean: ## remove the environment and everything that was made
	rm -rf $(VENV) dist build data/out .mypy_cache .ruff_cache .pytest_cache
