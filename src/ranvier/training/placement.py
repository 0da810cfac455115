"""Data on the device, without paying for it twice.

Given a NumPy array, ``jnp.asarray`` compiles a program for each new shape (20 ms) and copies twice into pages that
come from the system one by one: 0.3 s for 188 MB of digits, most of an epoch. ``jax.device_put`` compiles nothing and
uses memory in place that begins at a multiple of 64 bytes. NumPy asks for huge pages; a copy into aligned NumPy memory
costs a fifth of the former.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ..core.distributions import distribution, replicated
from ..core.memory import aligned_empty

__all__ = ["lent", "placed"]


def placed(array: Any, rows: int | None = None, room: int = 0) -> jax.Array:
    """`array` as a JAX array that shares no memory with it (a JAX array as it is).

    Args:
        array: a NumPy array.
        rows: so many of its first rows; None: all.
        room: make place for so many; those that the array does not fill hold anything.
    """
    if isinstance(array, jax.Array):
        return array
    array = np.asarray(array)[:rows]
    # JAX lets go of memory that it was lent when it is next asked for something. Asked now, it gives back what the last
    # `fit` had, and the system need not find as much again, which can take ten times as long as the copy.
    jax.device_put(np.int32(0))
    own = aligned_empty((max(room, len(array)), *array.shape[1:]), jax.dtypes.canonicalize_dtype(array.dtype))
    np.copyto(own[: len(array)], array, casting="unsafe")
    # Nobody else holds `own`, so nobody can change it under the JAX array, which keeps it alive.
    return jax.device_put(own) if distribution() is None else replicated(own)


def lent(array: np.ndarray) -> Any:
    """A NumPy array that nobody will change, on the device; with a distribution as it is, for the program to lay out."""
    return jax.device_put(array) if distribution() is None else array
