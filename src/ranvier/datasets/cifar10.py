"""CIFAR-10 (A. Krizhevsky, 2009): 60,000 colour images of 32×32 pixels, 10 classes.

The classes are airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.
"""

from __future__ import annotations

import numpy as np

from .cifar import read_batches
from .sources import find

__all__ = ["load_data"]

_MEMBERS = [*(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)), "cifar-10-batches-py/test_batch"]

Split = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Split, Split]:
    """The training and the test images.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 of shapes (50000, 32, 32, 3) and (10000, 32, 32, 3),
        channels first if the settings say so; labels uint8 of shapes (50000, 1) and (10000, 1), 0 to 9.

    Raises:
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    *train, (x_test, y_test) = read_batches(find("cifar-10-python.tar.gz"), _MEMBERS, "labels")
    x_train, y_train = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return (x_train, y_train.astype(np.uint8)), (np.ascontiguousarray(x_test), y_test.astype(np.uint8))
