PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: help install demo test app check bench mutants clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed -c constraints.txt -e '.[offline,scale,test]'
	touch $(STAMP)

install: $(STAMP) ## create .venv with everything at the pinned versions

demo: $(STAMP) ## plant a bias, train a probe, audit it: ends with the report's path
	$(BIN)/workbench demo

# A core that runs tests has no second one to share its products with.
test: export OMP_NUM_THREADS ?= 1
test: $(STAMP) ## run every test, a file at a time on each core
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

app: $(STAMP) ## open the newest run in the browser
	$(BIN)/workbench app

check: $(STAMP) ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## time the audit and the training beside what else there is
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench]'
	$(BIN)/workbench bench --workers 2
	$(BIN)/python bench/promises.py
	$(BIN)/python bench/bench.py
	$(BIN)/python bench/causes.py
	$(BIN)/python bench/asking.py
	$(BIN)/python bench/attaching.py
	$(BIN)/python bench/encoding.py
	$(BIN)/python bench/planted_llava.py
	$(BIN)/python bench/mmllm.py --bias
	$(BIN)/python bench/overlap.py
	$(BIN)/python bench/training.py
	$(BIN)/python bench/demo.py
	$(BIN)/python bench/readme.py

mutants: $(STAMP) ## change the statistics in 300 small ways: which changes does no test notice?
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[mutants]'
	$(BIN)/python bench/mutants.py

clean: ## remove .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info build
