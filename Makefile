# Two commands for a fresh machine: `make demo` and `make test`. Both need only Python 3.11+, make and git.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

build_kernels = $(BIN)/python -m pip install --quiet 'scikit-build-core>=0.10' 'cmake>=3.18' ninja && \
	$(BIN)/python -m pip install --quiet --no-build-isolation ./kernels

.PHONY: help demo test slow quick kernels bench clean

help:
	@echo "make demo    train the digits network on all of MNIST, with pictures"
	@echo "make test    everything that CI checks: style, types, tests, examples, documentation"
	@echo "make slow    the suites that take many minutes: every large architecture beside Keras's"
	@echo "make quick   the tests of user-visible behaviour alone, in seconds"
	@echo "make kernels builds the compiled kernels and tests them; needs a C++ compiler"
	@echo "make bench   measure ranvier against its peers"

$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[plot]'
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/.bench: $(VENV)/.base
	-$(BIN)/python -m pip install --quiet --index-url https://download.pytorch.org/whl/cpu torch || $(BIN)/python -m pip install --quiet torch
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@if command -v c++ >/dev/null; then $(build_kernels); else echo "No C++ compiler: measured without the compiled kernels."; fi
	@touch $@

demo: $(VENV)/.base
	$(BIN)/python examples/digits.py --output out

test: $(VENV)/.test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -q -n 2 -m "not slow"
	@if command -v c++ >/dev/null; then $(MAKE) kernels; else echo "No C++ compiler: the compiled kernels are not tested."; fi

slow: $(VENV)/.test
	$(BIN)/python -m pytest -q -n 2 -m slow

quick: $(VENV)/.test
	$(BIN)/python -m pytest -q tests/test_tiny.py

kernels: $(VENV)/.test
	$(build_kernels)
	$(BIN)/python -m pytest -q -n 2 -p no:cacheprovider kernels/tests tests/training/test_dense_*.py

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) out build dist
