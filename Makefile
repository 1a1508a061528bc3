# `make demo` and `make test` do all the set-up by themselves: Python 3.11+ and pip are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Every process opens torch; more than eight gain little.
AT_ONCE := -n auto --maxprocesses 8 --dist worksteal

.PHONY: venv demo test test-machines lint types bench mutants clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("malmoi needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 venv" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: venv
	$(BIN)/malmoi sample demo/sample
	$(BIN)/malmoi run recipes/demo.toml

test: venv
	$(BIN)/python -m pytest $(AT_ONCE)

# As other machines would run them: six times the tests; `make test-machines TESTS=tests/finetune` for some.
test-machines: venv
	PYTHON=$(BIN)/python tests/machines.sh $(AT_ONCE) $(TESTS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

bench: venv
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

# Which wrong changes would no test notice? Half an hour on two quiet cores; `make mutants MODULES=tasks/metrics` for one module.
mutants: venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mutants]'
	$(BIN)/python -m benchmarks.mutants $(MODULES)

clean:
	rm -rf $(VENV) demo build .pytest_cache .mypy_cache .ruff_cache
