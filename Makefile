# `make quickstart` and `make test` do all their set-up themselves; a second run installs nothing again.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   ?= .venv
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/bin
# An old pip (Debian 12's) runs the setup.py of seqeval, which has no wheel, in a way that no longer finds what it builds with.
export PIP_USE_PEP517 := 1
# Asked for plainly, torch brings gigabytes of CUDA packages on Linux. Without a GPU the index of CPU builds is
# consulted too, where it can be reached: a CPU build sorts above the plain one of the same version.
ifeq ($(shell uname -s)$(shell command -v nvidia-smi),Linux)
TORCH_INDEX ?= --extra-index-url https://download.pytorch.org/whl/cpu --retries 1 --timeout 20
endif

.PHONY: quickstart test test-all app check lint clean

quickstart: $(VENV)/.installed  ## run the default study, print what it found, say how to go on
	@$(BIN)/xbench run
	@$(BIN)/xbench compare

test: $(VENV)/.installed-dev  ## the tests that run in minutes
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.installed-dev  ## every test, the slow ones too
	$(BIN)/python -m pytest -m "slow or not slow"

app: $(VENV)/.installed  ## the leaderboard in the browser
	$(BIN)/streamlit run app.py

lint: $(VENV)/.installed-dev  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32  # no Windows at hand: at least nothing is asked of it that only POSIX has
	$(BIN)/lint-imports

check: lint test  ## what CI runs

clean:
	rm -rf $(VENV) results dist

$(VENV)/.torch:
	@echo "== making $(VENV) with $(PYTHON) and installing $(TORCH) (some minutes, once)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q $(TORCH_INDEX) -c constraints.txt "$(TORCH)"
	@touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml constraints.txt
	@echo "== installing xbench"
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "== installing the development tools"
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[dev]"
	@touch $@
