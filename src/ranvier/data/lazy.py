"""`Rows`: an array that stays in its file, of which batches are read as they are needed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..core.machine import room_to_keep
from .hdf5_memory import mapped_hdf5

__all__ = ["Rows", "fill", "is_lazy", "length", "take"]


class Rows:
    """Rows `start` to `stop` of anything with ``shape``, ``dtype`` and slicing: `np.memmap`, `h5py.Dataset`, zarr.

    Args:
        source: the array-like, (samples, …).
        start: the first row.
        stop: the row after the last; None: all.
    """

    def __init__(self, source: Any, start: int = 0, stop: int | None = None):
        self.source = source
        self.start = start
        self.stop = source.shape[0] if stop is None else stop
        self._memory: np.ndarray | None = None
        self._looked = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, …)."""
        return (self.stop - self.start, *self.source.shape[1:])

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.source.shape)

    @property
    def dtype(self) -> Any:
        """The dtype in the file."""
        return self.source.dtype

    def __len__(self) -> int:
        return self.stop - self.start

    def cut(self, start: int, stop: int) -> Rows:
        """Some of these rows, still unread."""
        return Rows(self.source, self.start + start, self.start + stop)

    def read(self, index: slice | np.ndarray) -> np.ndarray:
        """The rows at `index`, from the file."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            index, count = slice(start, stop), max(stop - start, 0)
        else:
            count = len(index)
        out = np.empty((count, *self.shape[1:]), self.dtype)
        self.read_into(index, out)
        return out

    def read_into(self, index: slice | np.ndarray, out: np.ndarray) -> None:
        """Write the rows at `index` into `out`, (rows, …) of the file's dtype."""
        memory = self._in_memory()
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            out[...] = (self.source if memory is None else memory)[self.start + start : self.start + stop]
            return
        index = np.asarray(index, np.int64)
        if memory is None and not self._read_runs(index + self.start, out):
            memory = self._held()
            if memory is None:
                rank = np.argsort(index, kind="stable")  # HDF5 wants indices to rise
                out[rank] = self.source[index[rank] + self.start]
        if memory is not None:
            # `clip` for the speed: otherwise NumPy fills a buffer first, in case an index is out of range.
            np.take(memory, index + self.start, axis=0, out=out, mode="clip")

    def _in_memory(self) -> np.ndarray | None:
        """The whole source as an array, if it is one or can be addressed as one; nothing is read for that."""
        if not self._looked:
            self._looked = True
            here = isinstance(self.source, np.ndarray)
            self._memory = self.source.view(np.ndarray) if here else mapped_hdf5(self.source)
        return self._memory

    def _held(self) -> np.ndarray | None:
        """Rows that are wanted in random order from a file that is read in chunks: all kept, where they are few.

        Each block of random rows would need every chunk of the file again.
        """
        size = int(np.prod(self.source.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize
        if size > room_to_keep():
            return None
        self._memory = np.asarray(self.source[...])
        return self._memory

    def _read_runs(self, index: np.ndarray, out: np.ndarray) -> bool:
        """Read runs of neighbouring rows, each at once and in the order of the file; False if there are hardly any."""
        rank = np.argsort(index, kind="stable")
        ordered = index[rank]
        edges = [0, *(np.flatnonzero(np.diff(ordered) != 1) + 1).tolist(), len(ordered)]
        if 4 * (len(edges) - 1) > len(ordered):
            return False
        for a, b in itertools.pairwise(edges):
            if a < b:
                out[rank[a:b]] = self.source[int(ordered[a]) : int(ordered[a]) + b - a]
        return True


def is_lazy(value: Any) -> bool:
    """Whether `value` is an array-like that should not be read whole."""
    if isinstance(value, np.ndarray):
        # Arithmetic on a memmap gives a memmap without a file behind it.
        return isinstance(value, np.memmap) and getattr(value, "_mmap", None) is not None
    return all(hasattr(value, name) for name in ("shape", "dtype", "__getitem__"))


def length(leaf: Any) -> int:
    """The number of samples."""
    return leaf.shape[0]


def take(leaf: Any, index: slice | np.ndarray) -> np.ndarray:
    """The rows of an array or of `Rows` at `index`, as a NumPy array (no copy for a slice of an array in memory)."""
    if isinstance(leaf, Rows):
        return leaf.read(index)
    return np.asarray(leaf)[index]  # slicing a jax array eagerly would compile a program for each size


def fill(leaf: Any, index: slice | np.ndarray, out: np.ndarray) -> None:
    """Write the rows of an array or of `Rows` at `index` into `out`, (rows, …) of the same dtype."""
    if isinstance(leaf, Rows):
        leaf.read_into(index, out)
    elif isinstance(index, slice):
        out[...] = np.asarray(leaf)[index]
    else:
        np.take(np.asarray(leaf), index, axis=0, out=out, mode="clip")
