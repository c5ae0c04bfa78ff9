# make run   start Switchboard on http://127.0.0.1:8501
# make chat  chat in the terminal with a running Switchboard
# make test  everything; browser tests where Chromium is found
# make check format, lint, types, layers, fast tests: before every commit
# make bench measurements into bench/results.jsonl
# make report KIND=weekly  a report of the last period as HTML in this folder
# make export ROWS=runs FORMAT=csv  all recorded rows as a file in this folder
# make eval SET=questions.csv ARGS="--model openai:gpt-4o-mini"  ask a question set and check the answers
# make screenshots  the pictures of docs/images anew
# make lock  write the pinned requirements anew from pyproject.toml

PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8501
KIND   ?= daily
ROWS   ?= runs
FORMAT ?= csv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)

# Where Python may not keep its bytecode, every run of the tests would compile all of them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run chat test check bench report export eval screenshots lock format schema clean

run: $(VENV)/.run
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT)

chat: $(VENV)/.run
	$(BIN)/python -m api.cli

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -rs

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow and not browser"

bench: $(VENV)/.dev
	$(BIN)/python -m bench.run

report: $(VENV)/.run
	$(BIN)/python -m analytics.report $(KIND)

export: $(VENV)/.run
	$(BIN)/python -m analytics.export $(ROWS) --format $(FORMAT)

eval: $(VENV)/.run
	$(if $(SET),,$(error SET is missing: make eval SET=questions.csv))
	$(BIN)/python -m api.evaluate "$(SET)" $(ARGS)

screenshots: $(VENV)/.dev
	$(BIN)/python -m bench.screenshots

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(VENV)/.run
	$(BIN)/python -m core.events_schema docs/technical/events.schema.json

lock: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --extra dev pyproject.toml -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

# The environment: uv where present, else venv and pip. A stamp file per set of requirements.
$(VENV)/.run: requirements.txt
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python -r requirements.txt
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
endif
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
ifdef UV
	$(UV) pip install --quiet --python $(BIN)/python -r requirements-dev.txt
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
endif
	@touch $@
