"""Checksums of arrays, for formats that have none of their own."""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

__all__ = ["checksum", "checksum_meanwhile", "checksum_of"]

_WORTH_A_THREAD = 1 << 20  # bytes; a thread costs about as much as the checksum of a tenth of that


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


@contextlib.contextmanager
def checksum_meanwhile(array: np.ndarray) -> Iterator[Callable[[], int]]:
    """The checksum of an array, found while the block does other work with it, such as writing it.

    >>> with checksum_meanwhile(np.zeros(2)) as found:
    ...     pass
    >>> found() == checksum_of(np.zeros(2))
    True
    """
    found: list[int] = []
    work = threading.Thread(target=lambda: found.append(checksum_of(array)), name="ranvier-checksum")
    if array.nbytes < _WORTH_A_THREAD:
        work.run()
        yield lambda: found[0]
        return
    work.start()
    try:
        yield lambda: work.join() or found[0]
    finally:
        work.join()
