"""Cutting arrays in two: the end of them is for validation."""

from __future__ import annotations

import numbers
from typing import Any

import jax

from ..core.errors import ArgumentError, ArgumentTypeError, DataError
from .checks import check_sample_count
from .convert import describe, read
from .iterables import is_stream
from .lazy import Rows, take

__all__ = ["cut", "split"]

_NAMES = ("x", "y", "sample_weight")


def split(arrays: tuple[Any, ...], fraction: float) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The first samples for training and the last `fraction` for validation, before any shuffling.

    Args:
        arrays: (x, y, sample_weight), each nested arrays with the same number of samples, or None.
        fraction: `validation_split`, in [0, 1).

    Raises:
        ArgumentError: a fraction outside [0, 1), or one that leaves nothing on a side.
        DataError: data that is no arrays.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, numbers.Real):
        raise ArgumentTypeError(f"validation_split must be a number in [0, 1). Received: validation_split={fraction!r}")
    if not 0 <= fraction < 1:
        raise ArgumentError(f"validation_split must lie in [0, 1). Received: validation_split={fraction!r}")
    if is_stream(arrays[0]):
        raise DataError(
            "validation_split needs arrays, which can be cut; a generator or dataset cannot. Give validation_data "
            "instead. "
            f"Received: x as {describe(arrays[0])}"
        )
    arrays = tuple(read(tree, name) for tree, name in zip(arrays, _NAMES, strict=False))
    size = check_sample_count(arrays, _NAMES)
    at = int(size * (1.0 - float(fraction)))
    if at == 0 or (at == size and fraction > 0):
        raise ArgumentError(
            f"validation_split={fraction!r} of {size} samples leaves {at} to train on and {size - at} to validate on."
        )
    return cut(arrays, 0, at), cut(arrays, at, size)


def cut(arrays: Any, start: int, stop: int) -> Any:
    """Rows `start` to `stop` of every array, without copying."""
    return jax.tree.map(lambda a: a.cut(start, stop) if isinstance(a, Rows) else take(a, slice(start, stop)), arrays)
