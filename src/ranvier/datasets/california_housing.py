"""House prices in California's districts, census of 1990 (R. Pace and R. Barry): 20,640 rows of 8 numbers."""

from __future__ import annotations

import os

import numpy as np

from ..core.errors import ArgumentError
from .archive import read_arrays
from .sources import find
from .tables import shuffle_and_cut

__all__ = ["load_data"]

_SMALL = 600  # rows

Split = tuple[np.ndarray, np.ndarray]


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Split, Split]:
    """The training and the test rows: median income, age, rooms, bedrooms, population, occupancy, latitude, longitude.

    Args:
        version: "large" for all rows, "small" for the first 600 of the file.
        path: the name in the cache, or an ``.npz`` file with the arrays `x` and `y`.
        test_split: the share of the test rows, in [0, 1).
        seed: for the order.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: float64 of shapes (rows, 8) and (rows,), median prices in dollars.

    Raises:
        ArgumentError: another `version` or `test_split`.
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    if version not in ("small", "large"):
        raise ArgumentError(f"version must be 'small' or 'large'. Received: version={version!r}")
    x, y = read_arrays(find("california_housing.npz", path), ("x", "y"))
    if version == "small":
        x, y = x[:_SMALL], y[:_SMALL]
    return shuffle_and_cut(x, y, test_split, seed)
