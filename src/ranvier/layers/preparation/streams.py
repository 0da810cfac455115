"""Data to adapt to: arrays, generators, tf.data, `PyDataset`, all as NumPy batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core.errors import DataError
from .host import host_array, is_tensorflow

__all__ = ["batches"]


def batches(data: Any, steps: int | None = None) -> Iterator[np.ndarray]:
    """The batches of `data` as NumPy arrays; an array, a list or a tensor is a single one.

    Args:
        data: an array, a list, or an iterable of batches. Of tuples (x, y, …) the first part is taken.
        steps: how many batches at the most; None: all.

    Raises:
        DataError: no batch came.
    """
    found = False
    for batch in itertools.islice(_all(data), steps):
        found = True
        yield host_array(batch[0] if isinstance(batch, tuple) else batch, "data")
    if not found:
        raise DataError("data gave no batch at all: the generator or dataset is empty.")


def _all(data: Any) -> Iterator[Any]:
    if hasattr(data, "as_numpy_iterator"):
        yield from data.as_numpy_iterator()
    elif isinstance(data, (np.ndarray, list, tuple, str, bytes)) or hasattr(data, "__array__") or is_tensorflow(data):
        yield list(data) if isinstance(data, tuple) else data
    elif hasattr(data, "num_batches") and hasattr(data, "__getitem__"):
        count = data.num_batches
        yield from (data[i] for i in (itertools.count() if count is None else range(count)))
        if hasattr(data, "on_epoch_end"):
            data.on_epoch_end()
    elif hasattr(data, "__iter__"):
        yield from data
    else:
        raise DataError(
            f"data must be an array, a list, or an iterable of batches. Received: an object of type {type(data)}"
        )
