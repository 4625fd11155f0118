# `make run` on a fresh machine with Python 3.11 or newer is all it takes. Every variable of .env.example is honoured.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV ?= .venv
PY := $(VENV)/bin/python
BABEL := $(PY) -m babel.messages.frontend -q
BASE := $(VENV)/.installed-base
DOCS := $(VENV)/.installed-docs
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench
# Tests wait for clocks, banks and processes more than they compute: four share two cores well. Those that share a
# running copy stay together (tests/side_by_side.py).
SIDE_BY_SIDE ?= 4

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(BASE) ## set up, start everything, show the demo, stay up until Ctrl-C
	@exec $(PY) -m deploy.up --demo

up: $(BASE) ## the same without the demo
	@exec $(PY) -m deploy.up

demo: $(BASE) ## show the demo against what is up
	@$(PY) -m demo.tour

test: $(DEV) ## set up and run all tests (some of them: make test args="tests/shop"; one at a time: args="-n 0")
	@$(PY) -m pytest -n $(SIDE_BY_SIDE) --dist loadfile --no-loadscope-reorder $(args)

check: $(DEV) ## lint, types and the fast tests: what to run before a commit
	@$(MAKE) -s lint types
	@$(PY) -m pytest -q -n $(SIDE_BY_SIDE) -m "not slow" tests/test_*.py tests/pages tests/letters tests/caching tests/sandbox tests/shop

drill: $(DEV) ## break things on purpose, on both pairs (some drills: make drill args="-k broker")
	@$(PY) -m pytest tests/faults --drill=full $(args)

race: $(DEV) ## 200 buyers for 10 units, one key 50 times ...: make race [times=20] [pair=embedded] [seed=7]
	@$(PY) -m tests.faults.races $(foreach name,pair times seed,$(if $($(name)),--$(name)=$($(name))))

soak: $(DEV) ## a fault every few seconds while customers order: make soak [minutes=10] [pair=embedded] [seed=7] [customers=8]
	@$(PY) -m tests.faults.soak $(foreach name,pair minutes seed customers,$(if $($(name)),--$(name)=$($(name))))

model: $(DEV) ## thousands of stories to trip the engine up, none the same: make model [examples=2000] [seed=7]
	@MODEL_EXAMPLES=$(or $(examples),2000) $(if $(seed),MODEL_SEED=$(seed)) $(PY) -m pytest tests/engine/model $(args)

sequences: $(DEV) ## thousands of sequences of acts upon an order's money: make sequences [examples=10000] [seed=7]
	@SEQUENCES=$(or $(examples),10000) $(if $(seed),SEQUENCES_SEED=$(seed)) $(PY) -m pytest tests/money -n 2 $(args)

fuzz: $(DEV) ## send what the OpenAPI document allows, and what it does not: make fuzz [examples=100] [seed=7]
	@FUZZ_EXAMPLES=$(or $(examples),100) FUZZ_SEED=$(or $(seed),$$RANDOM) $(PY) -m pytest tests/api/fuzz -n 2 $(args)

lint: $(DEV) ## ruff: rules and format
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

types: $(DEV) ## mypy
	@$(PY) -m mypy

bench: $(BENCH) ## measure beside the peers, draw the plots (some: make bench only=latency,drain; args="--scale 0.1")
	@$(PY) -m benchmarks $(if $(only),--only $(only)) $(args)

docs: $(DOCS) ## the pages as a site in site/ (to read while writing: $(VENV)/bin/mkdocs serve)
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet && echo "site/index.html"

budget: $(DEV) ## write anew what one order may cost: benchmarks/budget.json, compared by a test
	@BUDGET=write $(PY) -m pytest -q tests/api/orders/test_budget.py

migrate: $(BASE) ## bring the tables of DATABASE_URL up to date
	@$(PY) -m deploy.migrate

migration: $(BASE) ## write the next migration: make migration m="what changes"
	@test -n "$(m)" || { echo 'say what changes: make migration m="..."'; exit 1; }
	@$(PY) -m deploy.migrate new "$(m)"

doctor: $(BASE) ## check every invariant, say what breaks which
	@$(PY) -m doctor

repair: $(BASE) ## show what could be put right in stock and search; make repair args=--do does it
	@$(PY) -m doctor.repair $(args)

admin: $(BASE) ## make a registered account an administrator: make admin email=...
	@$(PY) -m deploy.admin $(email)

words: $(BASE) ## collect what letters and pages say into letters/words/*.po, to be translated there
	@$(BABEL) extract -F letters/babel.cfg --no-location --sort-output --omit-header -o letters/words/all.pot letters api/pages
	@for language in en de; do $(BABEL) update --no-fuzzy-matching --ignore-obsolete --omit-header --width=110 \
	    -i letters/words/all.pot -l $$language -o letters/words/$$language.po; done; rm letters/words/all.pot

lock: ## write requirements/*.txt anew from pyproject.toml, with hashes and without a registry's address
	@deploy/lock.sh "$(VENV)"

clean: ## remove what can be made again (not STATE_DIR, which holds your data)
	rm -rf "$(VENV)" .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BENCH): requirements/bench.txt
	@deploy/install.sh "$(VENV)" bench && touch $@ $(BASE) $(DEV)

$(BASE): requirements/base.txt
	@deploy/install.sh "$(VENV)" base && touch $@

$(DOCS): requirements/docs.txt
	@deploy/install.sh "$(VENV)" docs && touch $@

$(DEV): requirements/dev.txt
	@deploy/install.sh "$(VENV)" dev && touch $@ $(BASE)

.PHONY: help run up demo test check drill race soak model sequences fuzz lint types bench docs budget migrate migration doctor repair admin words lock clean
