"""Memory that the device can use in place."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["aligned_empty"]

_ALIGNMENT = 64  # bytes; XLA's


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array that is not filled, at a multiple of 64 bytes: on the CPU `jax.device_put` does not copy it."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
