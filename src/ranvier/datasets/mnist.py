"""The MNIST database of handwritten digits (LeCun, Cortes and Burges): 70,000 images of 28×28 pixels, 10 classes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..core import settings
from ..core.errors import ArgumentError, ArgumentTypeError
from .archive import read_arrays

__all__ = ["load_data"]

_BUNDLED = Path(__file__).parent / "data" / "mnist.npz"
_NAMES = ("x_train", "y_train", "x_test", "y_test")

Split = tuple[np.ndarray, np.ndarray]


def load_data(path: str | os.PathLike[str] = "mnist.npz") -> tuple[Split, Split]:
    """The training and the test digits, from the copy that travels with the package.

    Args:
        path: ``"mnist.npz"`` for the package's copy; otherwise an ``.npz`` file, or the name of one in the folder
            ``datasets`` of the per-user cache, with the arrays `x_train`, `y_train`, `x_test` and `y_test`.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images uint8 of shapes (60000, 28, 28) and (10000, 28, 28), 0 for
        paper and 255 for ink; labels uint8 of shapes (60000,) and (10000,), 0 to 9.

    Raises:
        ArgumentError: no such file.
        DataError: a file that is no such archive.

    The data is under CC BY-SA 3.0; see ``datasets/data/ATTRIBUTION.md``.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, y_train[:5].tolist()
    ((60000, 28, 28), [5, 0, 4, 1, 9])
    """
    x_train, y_train, x_test, y_test = read_arrays(_locate(path), _NAMES)
    return (x_train, y_train), (x_test, y_test)


def _locate(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError(f"path must be a file name. Received: path={path!r}")
    given = Path(path).expanduser()
    if str(path) == _BUNDLED.name:
        return _BUNDLED
    cached = settings.cache_folder() / "datasets" / given
    for candidate in (given, cached):
        if candidate.is_file():
            return candidate
    raise ArgumentError(
        f"path must be an existing .npz file. Received: path={str(path)!r}, which is neither at {given.absolute()} "
        "nor at "
        f"{cached}. Leave path out for the copy that travels with ranvier."
    )
