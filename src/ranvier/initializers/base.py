"""`Initializer`: a function of a shape and a dtype, with a seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import settings
from ..core.configurable import Configurable
from ..core.dtypes import standardize_dtype
from ..core.errors import ArgumentError, NotDefinedError
from ..core.random import SeedGenerator, host_generator

__all__ = ["Initializer", "RandomInitializer", "fans", "numpy_dtype", "sizes"]


class Initializer(Configurable):
    """Base of initialisers: subclass it with ``__call__(self, shape, dtype=None)``."""

    keras_module = "keras.initializers"

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The initial values, an array of `shape` and `dtype`."""
        raise NotDefinedError(f"{type(self).__name__} must define __call__(self, shape, dtype=None).")

    def clone(self) -> Initializer:
        """An initialiser with the same configuration."""
        return type(self).from_config(self.get_config())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.get_config()}>"


class RandomInitializer(Initializer):
    """Base of random initialisers.

    Numbers come from NumPy on the host: initial weights cost no compilation at start-up.

    Args:
        seed: an integer: the same values at every call; None: fresh ones, seeded by `set_random_seed`; a
            `SeedGenerator`: the next of its sequence.
    """

    def __init__(self, seed: int | SeedGenerator | None = None):
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer, SeedGenerator, type(None))):
            raise ArgumentError(f"seed must be an integer, a SeedGenerator or None. Received: seed={seed!r}")
        self.seed = seed

    def generator(self) -> np.random.Generator:
        """The NumPy generator to draw this call's values from."""
        return host_generator(self.seed)


def numpy_dtype(dtype: Any) -> np.dtype:
    """`dtype` (None: `floatx()`) as a NumPy dtype; bfloat16 included."""
    return np.dtype(_named(standardize_dtype(dtype if dtype is not None else settings.floatx())))


def _named(name: str) -> Any:
    import jax.numpy as jnp

    return getattr(jnp, name) if name.startswith(("bfloat", "float8")) else name


def sizes(shape: Any) -> tuple[int, ...]:
    """`shape` as a tuple of plain integers; refuses unknown and negative sizes."""
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if not all(isinstance(size, (int, np.integer)) and size >= 0 for size in shape):
        raise ArgumentError(f"shape must hold whole sizes of at least 0. Received: shape={shape}")
    return tuple(int(size) for size in shape)


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """The number of inputs and of outputs of one unit, for weights of this shape.

    Vectors count as both; matrices are (in, out); kernels of convolutions (*window, in, out), each counted as many
    times as the window has places.
    """
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    window = math.prod(shape[:-2])
    return float(shape[-2] * window), float(shape[-1] * window)
