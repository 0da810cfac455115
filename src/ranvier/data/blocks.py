"""Blocks: many batches read at once into memory that the device uses in place, from arrays and from files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from ..core.memory import aligned_empty
from .checks import warn_nonfinite
from .convert import read
from .lazy import Rows, fill, take
from .packing import trimmed
from .sources import ArrayData

__all__ = ["Block", "FileData", "blocks", "power_of_two"]

_BYTES = 32 << 20  # a block's size at the most, unless a batch is larger
_BATCHES = 64


class Block(NamedTuple):
    """Some batches.

    Args:
        first: the number of the first one.
        steps: how many there are.
        rows: the rows in them.
        arrays: (x, y, sample_weight) as in `ArrayData`, with room for `rows` rows or more.
    """

    first: int
    steps: int
    rows: int
    arrays: tuple[Any, ...]


@dataclass(eq=False)
class FileData(ArrayData):
    """Data of which some stays in files: the same batches as if it were in memory, read in blocks.

    Args:
        names: what messages call the arrays.
        check_finite: whether to warn of NaN and infinity, in the first pass.
    """

    names: tuple[str, ...] = ("x", "y", "sample_weight")
    check_finite: bool = True

    def peek(self) -> tuple[Any, ...]:
        """The first batch, unshuffled, as NumPy arrays."""
        parts = [
            read(jax.tree.map(lambda leaf: take(leaf, slice(0, self.batch_size)), tree), name)
            for tree, name in zip(self.arrays, self.names, strict=False)
        ]
        return trimmed(*(*parts, None, None)[:3])


def blocks(data: ArrayData, order: np.ndarray | None = None, first: int = 0, padded: bool = False) -> Iterator[Block]:
    """All batches of `data` from the one numbered `first` on.

    All blocks have the same room (fewer batches than fill it: a power of two of them), so that a program compiled for
    one serves all. What is left at the end and makes no whole batch is a block of its own, without further room.

    Args:
        data: the data.
        order: the order of its rows, (size,); None: as they are.
        first: the number of the first batch.
        padded: whether the last batch is filled up with zeros instead, to be whole and in the last block.
    """
    size, batch = data.size, data.batch_size
    steps, rest = divmod(size, batch)
    whole = steps + (rest > 0 and padded)
    likes = jax.tree.map(_like, data.arrays)
    bytes_ = batch * sum(like.nbytes for like in jax.tree.leaves(likes)) or 1
    capacity = max(1, min(_BATCHES, _BYTES // bytes_, power_of_two(whole)))
    for at in range(first, whole, capacity):
        count = min(capacity, whole - at)
        yield _block(data, likes, order, at, count, capacity * batch)
    if rest and not padded:
        yield _block(data, likes, order, steps, 1, rest)
    if first == 0 and isinstance(data, FileData):
        data.check_finite = False


def power_of_two(number: int) -> int:
    """The least power of two that is not below `number`, so that many sizes share a few compiled programs."""
    return 1 << max(number - 1, 0).bit_length()


def _like(leaf: Any) -> np.ndarray:
    """One row as the device will have it: files hold dtypes that are converted on the way."""
    return read(take(leaf, slice(0, 1)), "x") if isinstance(leaf, Rows) else np.empty((1, *leaf.shape[1:]), leaf.dtype)


def _block(data: ArrayData, likes: Any, order: Any, at: int, steps: int, room: int) -> Block:
    start = at * data.batch_size
    stop = min(start + steps * data.batch_size, data.size)
    index: Any = slice(start, stop) if order is None else order[start:stop]

    def rows(leaf: Any, like: np.ndarray) -> np.ndarray:
        out = aligned_empty((room, *like.shape[1:]), like.dtype)
        if leaf.dtype == like.dtype:
            fill(leaf, index, out[: stop - start])
        else:
            out[: stop - start] = read(take(leaf, index), "x")
        if stop < start + steps * data.batch_size:
            out[stop - start :] = 0
        return out

    arrays = jax.tree.map(rows, data.arrays, likes)
    if isinstance(data, FileData) and data.check_finite:
        _check(data, arrays, index, stop - start)
    return Block(at, steps, stop - start, arrays)


def _check(data: FileData, arrays: tuple[Any, ...], index: Any, rows: int) -> None:
    """Warn of numbers from files that are not finite; those in memory were looked at before."""
    found = jax.tree.map(
        lambda leaf, array: array[:rows] if isinstance(leaf, Rows) else np.empty((0,), np.int8), data.arrays, arrays
    )
    number = (lambda row: index.start + row) if isinstance(index, slice) else (lambda row: int(index[row]))
    if warn_nonfinite(found, data.names, number=number):
        data.check_finite = False
