# Two commands do everything: make demo, make test. Needs python3 (3.11 to 3.13, with venv) and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PYV    := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
DEMO   ?= demo-home

.PHONY: install demo test check bench soak lock clean

install: $(VENV)/.installed
	@echo "Installed. Begin with: $(BIN)/tenure init, or see what there is: $(BIN)/tenure --help"

demo: $(VENV)/.installed
	@$(BIN)/tenure --home $(DEMO) demo --serve

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 25

check: $(VENV)/.installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tools.migrations
	@$(BIN)/python -m tools.translations --check
	@$(BIN)/python -m tools.docs --check

soak: $(VENV)/.installed-dev
	@TENURE_SOAK=1 $(BIN)/python -m pytest -m soak

$(VENV)/.installed: requirements-$(PYV).lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (about a minute and a half the first time) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-$(PYV).lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev-$(PYV).lock
	@echo "Installing the test tools ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev-$(PYV).lock
	@touch $@

# The bench's peers are old and pinned low; they get a room of their own.
bench: $(VENV)/.installed-dev
	@$(BIN)/python -m bench

# Needs uv; the locks it writes carry no index address.
lock:
	@for v in 3.11 3.12 3.13; do \
	  uv pip compile -q --no-emit-index-url --no-annotate --no-header --python-version $$v pyproject.toml -o requirements-$$v.lock && \
	  uv pip compile -q --no-emit-index-url --no-annotate --no-header --python-version $$v --extra dev pyproject.toml -o requirements-dev-$$v.lock; \
	done

clean:
	@rm -rf $(VENV) build dist *.egg-info
