"""Arrays in NumPy's format, ``.npy``, from bytes in memory: numbers and texts, no Python objects."""

from __future__ import annotations

import io
import math
import struct
import tokenize
from typing import Any

import numpy as np

__all__ = ["npy_array", "npy_header"]

_LONGEST_HEADER = 1 << 16  # bytes
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def npy_header(content: bytearray) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, whether the last index moves slowest, dtype, and where the numbers begin.

    Raises:
        ValueError: it is no such header; the message is why.
    """
    head = io.BytesIO(content[:_LONGEST_HEADER])
    try:
        version = np.lib.format.read_magic(head)
        read = _HEADERS.get(version)
        shape, fortran, dtype = ((), False, None) if read is None else read(head)
    except (
        ValueError, TypeError, KeyError, SyntaxError, EOFError, OverflowError, RecursionError, struct.error, tokenize.TokenError
    ) as error:  # fmt: skip
        raise ValueError(f"it is damaged: {str(error)[:200]}") from None
    if dtype is None:
        raise ValueError(f"it has the unknown format {version}")
    if any(isinstance(n, bool) or n < 0 for n in shape):
        raise ValueError(f"it is damaged: it says that its shape is {str(shape)[:100]}")
    return shape, fortran, dtype, head.tell()


def npy_array(content: bytearray) -> np.ndarray:
    """The array; its memory is `content`.

    Raises:
        ValueError: it is none, holds Python objects, or has not the bytes that its shape needs; the message is why.
    """
    shape, fortran, dtype, begin = npy_header(content)
    if dtype.hasobject:
        raise ValueError(f"it holds Python objects instead of numbers: its dtype is {dtype}")
    size, present = math.prod(shape) * dtype.itemsize, len(content) - begin
    if size > present:
        raise ValueError(
            f"it is cut short: its shape {str(shape)[:100]} needs {size:,} bytes, and {present:,} are there"
        )
    if size < present:
        raise ValueError(f"it has more bytes than its shape {str(shape)[:100]} needs: {present:,} instead of {size:,}")
    return np.ndarray(shape, dtype, content, begin, order="F" if fortran else "C")
