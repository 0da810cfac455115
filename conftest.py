"""Shared set-up of tests and doctests: the oracle (Keras on JAX) runs in the same process, on the CPU, in float32."""

import gc
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("RANVIER_KERNELS", "0")  # the pure package is what is tested here; kernels/tests tests the rest
os.environ.setdefault("RANVIER_TRACEBACK_FILTERING", "0")  # who tests ranvier wants to see its frames

import jax
import numpy as np
import pytest

from ranvier.core import dtypes, hints, names, random, settings


@pytest.fixture(autouse=True)
def fresh_session():
    """Every test starts with the same seed, names and settings, and cannot leave others behind."""
    names.clear_names()
    random.set_random_seed(0)
    hints.forget_hints()
    yield
    dtypes.set_dtype_policy(None)
    settings._floatx, settings._epsilon, settings._image_data_format = "float32", 1e-7, "channels_last"
    random.forget_shared_generator()
    if "ranvier.compat.tensorflow" in sys.modules:  # which makes all arrays of the process tensors
        sys.modules["ranvier.compat.tensorflow"].tensors.uninstall()
    if jax.config.read("jax_enable_x64"):  # asking for float64 once switches it on for the whole process
        jax.config.update("jax_enable_x64", False)


_ENOUGH = [2 << 30]


def _resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    said = Path("/proc/self/statm")
    return int(said.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if said.exists() else 0


@pytest.fixture(autouse=True)
def bounded_memory():
    """Compiled programs are forgotten when they have grown to gigabytes: thousands of tests make as many of them."""
    yield
    if _resident() > _ENOUGH[0]:
        jax.clear_caches()
        gc.collect()
        _ENOUGH[0] = max(2 << 30, _resident() + (1 << 29))  # what stays cannot be freed: do not try at every test


@pytest.fixture
def rng() -> np.random.Generator:
    """A NumPy generator with a fixed seed."""
    return np.random.default_rng(1234)
