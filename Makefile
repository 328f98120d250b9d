# Two commands do the work; each makes its own environment first, once.
#
#   make run     the default experiment → results/speeches/report.html
#   make theory  closed-form worlds of ten papers beside their theory → results/theory/report.html, and
#                every verdict beside the published one
#   make environment  only what all of them make first: .venv
#   make test    the tests that every change must pass, in five minutes on two cores
#   make test-slurm  a real Slurm cluster on this machine (Debian, root), and the loop through it
#   make test-full   all tests: each fault three times, full-size repeats, Slurm; for nights and releases
#   make check   linters, types, layers, spelling
#   make benchmark   how fast it is beside what else one would use → results/benchmarks/ratios.parquet
#
# From then on it is an ordinary Snakemake workflow: `. .venv/bin/activate`, then `snakemake -n`.
# With an NVIDIA GPU: `make run ENVIRONMENT=gpu` (and `device: gpu` in the config).

# Where there is none of this name, the one that uv has, or fetches.
PYTHON ?= python3.11
ENVIRONMENT ?= cpu
LOCK := envs/$(ENVIRONMENT).txt
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# PyTorch publishes its CPU builds on an index of its own; it is asked only if the configured sources have none.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# snakefmt calls shfmt, which lies beside it.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Scripts in .venv/bin begin with the checkout's path, which may hold what breaks them: quotes, dollar signs.
RUN := $(BIN)/python -m
PIP := $(RUN) pip --disable-pip-version-check -qq

.PHONY: environment run theory readme mutants test test-slurm test-full slurm-packages benchmark check schemas lock
.DELETE_ON_ERROR:

environment: $(INSTALLED)

run: $(INSTALLED)
	$(RUN) snakemake

theory: $(INSTALLED)
	$(RUN) snakemake --configfile $(sort $(wildcard workflow/experiments/papers/*.yaml)) \
		workflow/experiments/theory.yaml
	$(RUN) collapse compare-verdicts results/theory

# The README's numbers, from the committed tables in workflow/experiments/measured/.
readme: $(INSTALLED)
	$(RUN) collapse readme

# Breaks the code on purpose and prints which breaks no test notices; takes an hour on one core.
mutants: $(INSTALLED)
	$(BIN)/python tests/mutation/mutants.py --sample 150

# A file stays on one worker, and the files keep their order: tests/tiers.py.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder

test: $(INSTALLED)
	$(RUN) pytest $(SIDE_BY_SIDE)

test-slurm: $(INSTALLED) slurm-packages
	$(RUN) pytest -m "slurm and not full" tests/slurm

test-full: $(INSTALLED) slurm-packages
	$(RUN) pytest $(SIDE_BY_SIDE) --full --timeout 1800

# Elsewhere than on Debian as root the Slurm tests are skipped, and say why.
slurm-packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && ! command -v slurmctld > /dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
			munge slurmctld slurmd slurm-client > /dev/null || echo "Slurm's packages cannot be installed here."; fi

# About 40 minutes on two idle cores; some of it: make benchmark BENCHMARKS="training whole_loop". What there is, and how
# long each takes: make benchmark BENCHMARKS=--list. What is measured anew takes its place in the tables.
benchmark: $(INSTALLED)
	PYTHONPATH=workflow:tests $(RUN) benchmarks $(BENCHMARKS)

# Linters, types, layers, generated files: what a change must pass besides the tests.
check: $(INSTALLED)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow/rules
	$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(RUN) basedpyright --project pyproject.toml
	$(RUN) codespell_lib README.md CHANGELOG.md CONTRIBUTING.md config.yaml workflow envs tests

# The generated pages: config.schema.json and artifacts.md.
schemas: $(INSTALLED)
	$(RUN) collapse schemas --folder workflow/schemas

$(INSTALLED): $(LOCK) pyproject.toml
	@echo "Making $(VENV) from $(LOCK); this takes a few minutes, once."
	@python="$(PYTHON)"; \
	if [ "$$python" = python3.11 ] && ! command -v python3.11 > /dev/null && command -v uv > /dev/null; then \
		uv python find --system 3.11 > /dev/null 2>&1 || uv python install 3.11; \
		python="$$(uv python find --system 3.11)"; fi; \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null \
		|| { echo "Python 3.11 is needed: install it, or install uv (https://docs.astral.sh/uv), which brings it," \
			"or name one with: make PYTHON=/path/to/python3.11 ..."; exit 1; }; \
	"$$python" -m venv $(VENV)
	grep '^torch==' $(LOCK) > $(VENV)/torch.txt
	$(PIP) install --no-deps -r $(VENV)/torch.txt \
		|| $(PIP) install --no-deps --index-url $(TORCH_INDEX) -r $(VENV)/torch.txt
	$(PIP) install --no-deps -r $(LOCK)
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# Raise versions: edit envs/*.in, then make lock. Locks are complete, because they are installed with --no-deps: that is
# what keeps CUDA off a CPU machine.
FOUND_LINKS := $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS) --no-emit-find-links)
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --no-annotate --no-header

lock: $(INSTALLED)
	$(PIP) install uv
	$(COMPILE) --overrides envs/cpu-overrides.txt $(FOUND_LINKS) envs/cpu.in -o envs/cpu.txt
	$(COMPILE) --overrides envs/gpu-overrides.txt --python-platform x86_64-manylinux_2_34 envs/gpu.in -o envs/gpu.txt
