"""Memory that the device can use in place."""

from __future__ import annotations

import math
import mmap
from typing import Any

import numpy as np

__all__ = ["aligned_empty"]

_ALIGNMENT = 64  # bytes; XLA's
_LARGE = 4 << 20  # bytes; NumPy asks for huge pages then, which the system may have to make first


def aligned_empty(shape: tuple[int, ...], dtype: Any, huge_pages: bool = True) -> np.ndarray:
    """An array that is not filled, at a multiple of 64 bytes: on the CPU `jax.device_put` does not copy it.

    Args:
        shape: its shape.
        dtype: its dtype.
        huge_pages: False: of ordinary pages, also where it is large.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    ordinary = size >= _LARGE and not huge_pages
    memory = np.frombuffer(mmap.mmap(-1, size), np.uint8) if ordinary else np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
