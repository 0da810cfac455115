"""Checksums of arrays, for formats that have none of their own."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["checksum", "checksum_of"]


def checksum(dtype: Any, shape: tuple[int, ...], pieces: Iterable[Any]) -> int:
    """CRC-32 of an array's dtype, shape and numbers.

    Args:
        dtype: what its numbers are.
        shape: its shape.
        pieces: its bytes in order, in as many pieces as there may be.
    """
    found = zlib.crc32(f"{np.dtype(dtype).name}{tuple(shape)}".encode())
    for piece in pieces:
        found = zlib.crc32(piece, found)
    return found


def checksum_of(array: np.ndarray) -> int:
    """The checksum of an array in memory.

    >>> checksum_of(np.zeros(2, "float32")) == checksum_of(np.zeros(2, "int32"))
    False
    """
    return checksum(array.dtype, array.shape, [np.ascontiguousarray(array).reshape(-1).view(np.uint8)])
