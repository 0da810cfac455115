"""`split_dataset`: data in two parts."""

from __future__ import annotations

import random
from numbers import Integral
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, DataError
from ..data.pipeline import Dataset, stack

__all__ = ["split_dataset"]

_BACKENDS = (None, "jax", "tensorflow", "torch", "numpy")


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """A left and a right part of data, such as one for training and one for testing.

    Args:
        dataset: an array, a list or tuple of arrays, a `Dataset`, a ``tf.data.Dataset`` or a torch ``Dataset``.
        left_size: how many samples, or which share of them, go left; None: what is left.
        right_size: how many, or which share, go right; None: what is left.
        shuffle: mix the samples first.
        seed: an integer for the same mixture in every run.
        preferred_backend: accepted; the parts are ranvier's own.

    Returns:
        Two datasets of single samples; use ``.batch(size)`` before `fit`.

    Raises:
        ArgumentError: sizes that are missing, or that the data does not have.
        ArgumentTypeError: something that is no data.
        DataError: arrays with different numbers of rows.

    >>> left, right = split_dataset(np.arange(10), left_size=0.7)
    >>> len(left), len(right), next(iter(right.batch(3))).tolist()
    (7, 3, [7, 8, 9])
    """
    if preferred_backend not in _BACKENDS:
        raise ArgumentError(f"preferred_backend must be one of {_BACKENDS}. Received: {preferred_backend!r}")
    arrays, count = _arrays(dataset)
    left, right = _sizes(left_size, right_size, count)
    order = list(range(count))
    if shuffle:
        random.Random(seed).shuffle(order)
    left_rows, right_rows = np.array(order[:left], np.int64), np.array(order[count - right :], np.int64)
    return _rows(arrays, left_rows), _rows(arrays, right_rows)


def _rows(arrays: Any, rows: np.ndarray) -> Dataset:
    return Dataset.from_tensor_slices(jax.tree.map(lambda a: a[rows], arrays))


def _arrays(dataset: Any) -> tuple[Any, int]:
    """Nested arrays with the samples as rows, and how many."""
    if hasattr(dataset, "shape") and hasattr(dataset, "__array__"):
        arrays: Any = np.asarray(dataset)
    elif isinstance(dataset, (list, tuple)):
        if not dataset or not all(hasattr(a, "__array__") for a in dataset):
            raise ArgumentTypeError(
                f"dataset must be an array, a list or tuple of arrays, or a dataset. Received: a {type(dataset).__name__} "
                f"of {', '.join(sorted({type(a).__name__ for a in dataset})) or 'nothing'}"
            )
        arrays = tuple(np.asarray(a) for a in dataset)
    elif hasattr(dataset, "as_numpy_iterator"):
        arrays = _stacked(list(dataset.as_numpy_iterator()))
    elif (
        hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__") and not isinstance(dataset, (dict, str, bytes))
    ):
        arrays = _stacked([dataset[i] for i in range(len(dataset))])
    else:
        raise ArgumentTypeError(
            f"dataset must be an array, a list or tuple of arrays, or a dataset. Received: {type(dataset).__name__}"
        )
    counts = {len(leaf) for leaf in jax.tree.leaves(arrays)}
    if len(counts) != 1:
        raise DataError(f"All arrays must have the same number of rows. Received: {sorted(counts)}")
    return arrays, counts.pop()


def _stacked(elements: list[Any]) -> Any:
    if not elements:
        raise DataError("dataset is empty, so there is nothing to split.")
    return stack(elements)


def _sizes(left: Any, right: Any, count: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError("left_size or right_size must say how to split.")
    for name, value in (("left_size", left), ("right_size", right)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float, Integral)):
            raise ArgumentTypeError(f"{name} must be an integer, a fraction or None. Received: {name}={value!r}")
        if not 0 < float(value) < (count if isinstance(value, Integral) else 1):
            raise ArgumentError(
                f"{name} must be a number of samples between 0 and {count}, or a fraction between 0 and 1. Received: "
                f"{name}={value!r}"
            )
    sizes = [None if v is None else int(v) if isinstance(v, Integral) else round(v * count) for v in (left, right)]
    fewer, more = sizes
    if fewer is None:
        return count - int(more or 0), int(more or 0)
    if more is None:
        return fewer, count - fewer
    if fewer + more > count:
        raise ArgumentError(f"left_size={left!r} and right_size={right!r} are together more than all {count} samples.")
    return fewer, more
