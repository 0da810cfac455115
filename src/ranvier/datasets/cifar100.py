"""CIFAR-100 (A. Krizhevsky, 2009): 60,000 colour images of 32×32 pixels, 100 classes in 20 groups."""

from __future__ import annotations

import numpy as np

from ..core.errors import ArgumentError
from .cifar import read_batches
from .sources import find

__all__ = ["load_data"]

_MEMBERS = ["cifar-100-python/train", "cifar-100-python/test"]

Split = tuple[np.ndarray, np.ndarray]


def load_data(label_mode: str = "fine") -> tuple[Split, Split]:
    """The training and the test images.

    Args:
        label_mode: "fine" for the 100 classes, "coarse" for the 20 groups.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 of shapes (50000, 32, 32, 3) and (10000, 32, 32, 3),
        channels first if the settings say so; labels int64 of shapes (50000, 1) and (10000, 1).

    Raises:
        ArgumentError: another `label_mode`.
        DownloadError: the file cannot be had.
        DataError: another kind of file.
    """
    if label_mode not in ("fine", "coarse"):
        raise ArgumentError(f"label_mode must be 'fine' or 'coarse'. Received: label_mode={label_mode!r}")
    train, test = read_batches(find("cifar-100-python.tar.gz"), _MEMBERS, f"{label_mode}_labels")
    return (np.ascontiguousarray(train[0]), train[1]), (np.ascontiguousarray(test[0]), test[1])
