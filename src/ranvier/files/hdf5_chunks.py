"""Arrays that HDF5 stores in pieces, compressed or not."""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np

from ..core.memory import aligned_empty
from .hdf5_types import Cursor, MalformedError
from .limits import unpacked

__all__ = ["Chunks"]

_NOWHERE = (1 << 64) - 1
_GZIP, _SHUFFLE = 1, 2


class Chunks:
    """The pieces of an array, all of which are there, and together not larger than what is stored justifies.

    Args:
        reader: the reader of the file.
        name: the array's name, for messages.
        root: the address of the index.
        shape: the array's shape.
        chunk: the shape of each piece.
        dtype: the array's dtype.
        steps: the filters that the pieces went through.

    Raises:
        MalformedError: pieces that are missing, too many, outside of the array, or too large.
    """

    def __init__(
        self, reader: Any, name: str, root: int, shape: tuple[int, ...], chunk: tuple[int, ...], dtype: np.dtype,
        steps: list[int],
    ):  # fmt: skip
        self.reader, self.name, self.shape, self.chunk, self.dtype, self.steps = (
            reader,
            name,
            shape,
            chunk,
            dtype,
            steps,
        )
        number = math.prod(-(-s // c) for s, c in zip(shape, chunk, strict=True))
        self.size = math.prod(chunk) * dtype.itemsize
        if reader.declared + number * self.size > unpacked(reader.source.present):
            raise MalformedError(
                f"its shape {str(shape)[:100]} brings the arrays to {reader.declared + number * self.size:,} bytes, which "
                "the bytes that are stored do not justify"
            )
        reader.declared += (number * self.size) - math.prod(shape) * dtype.itemsize
        #: The place of each piece in the array, with its address and its bytes.
        self.places: dict[tuple[int, ...], tuple[int, int]] = {}
        if number and root != _NOWHERE:
            for key, at in reader.tree(name, root, kind=1, key_size=8 + 8 * (len(shape) + 1)):
                self._add(at, *Cursor(key).numbers(f"II{len(shape)}Q"))
        if len(self.places) != number:
            raise MalformedError(f"{len(self.places):,} of its {number:,} chunks are stored")

    def _add(self, at: int, stored: int, mask: int, *place: int) -> None:
        inside = all(p < s and p % c == 0 for p, s, c in zip(place, self.shape, self.chunk, strict=True))
        if mask or not inside or place in self.places or at + stored > self.reader.source.length:
            raise MalformedError("one of its chunks is damaged")
        if not self.steps and stored != self.size:
            raise MalformedError("one of its chunks is cut short")
        self.reader.reserve(at, stored, self.name)
        self.places[place] = (at, stored)

    def read(self) -> np.ndarray:
        """The whole array."""
        array = aligned_empty(self.shape, self.dtype, huge_pages=False)
        for place, (at, stored) in self.places.items():
            data = self.reader.source.read(at, stored)
            if _GZIP in self.steps:
                data = _inflated(data, self.size)
            if len(data) != self.size:
                raise self.reader.fail(self.name, "one of its chunks does not unpack to its size")
            if _SHUFFLE in self.steps:
                data = np.frombuffer(data, np.uint8).reshape(self.dtype.itemsize, -1).T.tobytes()
            kept = tuple(slice(p, min(p + c, s)) for p, c, s in zip(place, self.chunk, self.shape, strict=True))
            inner = tuple(slice(0, k.stop - k.start) for k in kept)
            array[kept] = np.frombuffer(data, self.dtype).reshape(self.chunk)[inner]
        return array


def _inflated(data: bytes, size: int) -> bytes:
    """What gzip packed, if that is `size` bytes; nothing otherwise."""
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data, size + 1)
    except zlib.error:
        return b""
    return found if inflater.eof else b""
