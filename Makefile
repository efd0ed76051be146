# What each target does is in README.md. Nothing is needed but Python 3.11 or newer, make and a package registry.
.PHONY: run test coverage faults check check-deploy fix bench clean lock
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin/python
ARGS ?=
SIZE ?= 100k
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# An environment whose Python is gone or too old is made again.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
$(shell $(BIN) -c '$(NEW_ENOUGH)' >/dev/null 2>&1 || rm -f $(VENV)/.installed $(VENV)/.installed-dev)

AS_DEPLOYED := env DEBUG=0 BASE_URL=https://orders.example.com DATABASE_URL=postgresql://orders@127.0.0.1:1/orders \
  SECRET_KEY=a-key-for-checks-alone-0123456789-abcdefghijklmnopqrstuvwxyz VAR_DIR=/srv/pelcro-orders TRUSTED_PROXIES=1 \
  STRIPE_SECRET_KEY=sk_live_checks STRIPE_PUBLISHABLE_KEY=pk_live_checks STRIPE_WEBHOOK_SECRET=whsec_checks \
  EMAIL_URL=smtp://mail.example.com

run: $(VENV)/.installed
	@exec $(BIN) -m devserver

test: $(VENV)/.installed-dev
	@exec $(BIN) -m pytest -n 3 --dist loadgroup $(ARGS)

# Not a part of `test`: tracing nearly doubles its time (docs/decisions/0021-coverage-is-a-target-of-its-own.md).
coverage: $(VENV)/.installed-dev
	@exec $(BIN) -m pytest -n 3 --dist loadgroup --cov --cov-report=term $(ARGS)

# All of tests/faults, and every other module that has a test marked `full`, or one that tries more examples here.
faults: $(VENV)/.installed-dev
	@exec env EVERY_EXAMPLE=1 $(BIN) -m pytest tests/faults \
	  $$(grep -rlE --include='test_*.py' --exclude-dir=faults 'mark\.full|some_of\(' tests) -m "full or not full" $(ARGS)

bench: $(VENV)/.installed-dev
	@mkdir -p benchmarks/results
	@$(BIN) -m devserver.run_isolated -m benchmarks --size $(SIZE) $(ARGS) 2>benchmarks/results/latest.log \
	  || { tail -n 40 benchmarks/results/latest.log >&2; exit 1; }

check: $(VENV)/.installed-dev
	@$(BIN) -m ruff check
	@$(BIN) -m ruff format --check
	@$(AS_DEPLOYED) $(BIN) -m mypy .
	@$(BIN) -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'
	@$(AS_DEPLOYED) $(BIN) -W "ignore:Got an error checking" manage.py makemigrations --check --dry-run
	@$(AS_DEPLOYED) $(BIN) -m pelcro_orders.lint_migrations
	@$(AS_DEPLOYED) $(BIN) manage.py check --deploy --fail-level WARNING

# A unit is verified with another program in the place of one that is installed nowhere here.
check-deploy: $(VENV)/.installed-deploy
	@$(VENV)/bin/hadolint Dockerfile
	@POSTGRES_PASSWORD=checks ENV_FILE=.env.example $(VENV)/bin/docker-compose config --quiet
	@$(VENV)/bin/kubernetes-validate --strict --quiet \
	  $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))
	@if command -v systemd-analyze >/dev/null; then units=$$(mktemp -d); \
	  for unit in deploy/systemd/*.service; do \
	    sed 's|/opt/pelcro-orders/.venv/bin/[a-z]*|/bin/true|' $$unit >$$units/$$(basename $$unit | sed 's/@/@1/'); done; \
	  found=$$(systemd-analyze verify --man=no $$units/*.service 2>&1) || true; rm -r $$units; \
	  [ -z "$$found" ] || { echo "$$found" >&2; exit 1; }; \
	  else echo "systemd-analyze is missing: deploy/systemd/ was not verified." >&2; fi

fix: $(VENV)/.installed-dev
	@$(BIN) -m ruff check --fix
	@$(BIN) -m ruff format

clean:
	@! kill -0 "$$(cat var/lock 2>/dev/null)" 2>/dev/null || { \
	  echo "make run is still running as process $$(cat var/lock): stop it first." >&2; exit 1; }
	@rm -rf $(VENV) var

LOCK := $(BIN) -m uv pip compile --quiet --python-version 3.11 --universal --no-emit-index-url

lock: $(VENV)/.installed-dev
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) requirements-production.in -c requirements.txt -o requirements-production.txt
	@$(LOCK) requirements-dev.in -o requirements-dev.txt
	@$(LOCK) requirements-deploy.in -o requirements-deploy.txt

$(VENV)/.installed: requirements.txt
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if $$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found=$$python; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.11 or newer is missing: install it, or name it, as in make run PYTHON=/path/to/python." >&2; exit 1; fi; \
	if ! $$found -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  echo "$$($$found --version) has no venv: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; fi; \
	echo "Installing what runs into $(VENV)"; \
	$(BIN) -c '$(NEW_ENOUGH)' >/dev/null 2>&1 || $$found -m venv --clear $(VENV)
	@$(BIN) -m pip install --quiet --quiet --requirement requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what tests and checks into $(VENV)"
	@$(BIN) -m pip install --quiet --quiet --requirement requirements-dev.txt
	@touch $@

$(VENV)/.installed-deploy: requirements-deploy.txt $(VENV)/.installed-dev
	@echo "Installing what checks deploy/ into $(VENV)"
	@$(BIN) -m pip install --quiet --quiet --requirement requirements-deploy.txt
	@touch $@
