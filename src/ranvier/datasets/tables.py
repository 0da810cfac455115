"""Tables of numbers with a target each: shuffled by a seed, cut in two."""

from __future__ import annotations

import numpy as np

from ..core.errors import ArgumentError, DataError

__all__ = ["shuffle_and_cut"]

Split = tuple[np.ndarray, np.ndarray]


def shuffle_and_cut(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> tuple[Split, Split]:
    """The rows in an order that `seed` gives, the last `test_split` of them for testing.

    Raises:
        ArgumentError: a `test_split` outside [0, 1).
        DataError: not as many targets as rows.
    """
    if not 0 <= test_split < 1:
        raise ArgumentError(f"test_split must lie in [0, 1). Received: test_split={test_split!r}")
    if len(x) != len(y):
        raise DataError(f"There must be a target for each row. Received: {len(x)} rows and {len(y)} targets")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
