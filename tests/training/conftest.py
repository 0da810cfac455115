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
