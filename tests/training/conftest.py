"""What tests of training share."""

import logging

import jax
import pytest


@pytest.fixture
def compiled():
    """The names of the programs compiled since."""
    found = []

    class Handler(logging.Handler):
        def emit(self, record):
            text = record.getMessage()
            if text.startswith("Compiling"):
                found.append(text.split()[1])

    logger, handler = logging.getLogger("jax._src.interpreters.pxla"), Handler()
    logger.addHandler(handler)
    with jax.log_compiles():
        yield found
    logger.removeHandler(handler)


@pytest.fixture
def only_dense_kernel(monkeypatch):
    """The kernel that trains dense networks, whatever the environment says, and no other: beside it the pure program runs."""
    from ranvier.ops import compiled as kernels

    from .beside_general import installed

    installed.register()
    monkeypatch.setattr(kernels, "_registered", lambda: frozenset({"ranvier_train_dense"}))


@pytest.fixture
def counted(monkeypatch):
    """How many programs of steps the dense kernel made, in `made`."""
    from .beside_general import Counted

    return Counted(monkeypatch)
