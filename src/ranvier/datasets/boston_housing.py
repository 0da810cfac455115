"""House prices around Boston, 1978 (D. Harrison and D. Rubinfeld): 506 rows of 13 numbers.

One column, "B", was made on the assumption that racial segregation moves prices. Use the data to speak of that, or use
`california_housing` instead.
"""

from __future__ import annotations

import os

import numpy as np

from .archive import read_arrays
from .sources import find
from .tables import shuffle_and_cut

__all__ = ["load_data"]

Split = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Split, Split]:
    """The training and the test rows.

    Args:
        path: the name in the cache, or an ``.npz`` file with the arrays `x` and `y`.
        test_split: the share of the test rows, in [0, 1).
        seed: for the order.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: float64 of shapes (rows, 13) and (rows,), prices in 1,000 dollars.

    Raises:
        ArgumentError: another `test_split`.
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    x, y = read_arrays(find("boston_housing.npz", path), ("x", "y"))
    return shuffle_and_cut(x, y, test_split, seed)
