# Two commands do the work; each makes its own environment first, once.
#
#   make run     the default experiment → results/speeches/report.html
#   make test    the whole test suite
#
# From then on it is an ordinary Snakemake workflow: `. .venv/bin/activate`, then `snakemake -n`.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# PyTorch publishes its CPU builds on an index of its own; it is asked only if the configured sources have none.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: run test check schemas lock
.DELETE_ON_ERROR:

run: $(INSTALLED)
	$(BIN)/snakemake --cores all

test: $(INSTALLED)
	$(BIN)/python -m pytest

# Linters, types, layers, generated files: what a change must pass besides the tests.
check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/lint-imports
	$(BIN)/basedpyright workflow/collapse
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md config.yaml workflow envs tests

# The generated pages: config.schema.json and artifacts.md.
schemas: $(INSTALLED)
	$(BIN)/python -m collapse schemas --folder workflow/schemas

$(INSTALLED): envs/cpu.txt pyproject.toml
	@echo "Making $(VENV) from envs/cpu.txt; this takes a few minutes, once."
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed; name it with make PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	grep '^torch==' envs/cpu.txt > $(VENV)/torch.txt
	$(PIP) install --no-deps -r $(VENV)/torch.txt || $(PIP) install --no-deps --index-url $(TORCH_INDEX) -r $(VENV)/torch.txt
	$(PIP) install --no-deps -r envs/cpu.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# Raise versions: edit envs/cpu.in, then make lock. `--no-deps` above is what keeps CUDA out, so the lock is complete.
lock: $(INSTALLED)
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile --python-version 3.11 --overrides envs/overrides.txt --no-annotate --no-header \
		--emit-index-annotation=false $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS) --no-emit-find-links) \
		envs/cpu.in -o envs/cpu.txt
