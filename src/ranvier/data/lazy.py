"""`Rows`: an array that stays in its file, of which batches are read as they are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Rows", "is_lazy", "length", "take"]


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
        """The rows at `index`, from the file; HDF5 wants indices to rise, so they are sorted for it."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return np.array(self.source[self.start + start : self.start + stop])
        index = np.asarray(index, np.int64) + self.start
        if len(index) and np.array_equal(index, np.arange(index[0], index[0] + len(index))):
            return np.array(self.source[int(index[0]) : int(index[0]) + len(index)])
        rank = np.argsort(index, kind="stable")
        read = np.asarray(self.source[index[rank]])
        out = np.empty_like(read)
        out[rank] = read
        return out


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
