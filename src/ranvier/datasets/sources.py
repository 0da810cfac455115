"""Where data sets come from: their addresses and hashes, and finding their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import ArgumentTypeError
from ..tools.downloads import get_file

__all__ = ["SOURCES", "find"]

_STORE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_FASHION = "datasets/fashion-mnist"


class _Source(NamedTuple):
    origin: str
    file_hash: str  # SHA-256, but for the two JSON files of words, of which only the MD5 is published
    folder: str = "datasets"


# fmt: off
SOURCES = {
    "boston_housing.npz": _Source(
        _STORE + "boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"),
    "california_housing.npz": _Source(
        _STORE + "california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"),
    "cifar-10-python.tar.gz": _Source(
        _TORONTO + "cifar-10-python.tar.gz", "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
    "cifar-100-python.tar.gz": _Source(
        _TORONTO + "cifar-100-python.tar.gz", "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"),
    "imdb.npz": _Source(
        _STORE + "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
    "imdb_word_index.json": _Source(
        _STORE + "imdb_word_index.json", "bfafd718b763782e994055a2d397834f"),
    "reuters.npz": _Source(
        _STORE + "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
    "reuters_word_index.json": _Source(
        _STORE + "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"),
    "train-images-idx3-ubyte.gz": _Source(
        _STORE + "train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", _FASHION),
    "train-labels-idx1-ubyte.gz": _Source(
        _STORE + "train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", _FASHION),
    "t10k-images-idx3-ubyte.gz": _Source(
        _STORE + "t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", _FASHION),
    "t10k-labels-idx1-ubyte.gz": _Source(
        _STORE + "t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", _FASHION),
}
# fmt: on


def find(name: str, path: Any = None) -> Path:
    """The file of a data set, downloaded into the user's cache unless it is there.

    Args:
        name: its name in `SOURCES`.
        path: a file of the user's own, which is read as it is; or another name in the cache.

    Raises:
        ArgumentTypeError: a path that is no path.
        DownloadError: it cannot be had.
    """
    source = SOURCES[name]
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise ArgumentTypeError(f"path must be a file name. Received: path={path!r}")
    if path is not None and os.fspath(path) != name and (given := Path(path).expanduser()).is_file():
        return given
    return Path(get_file(path or name, source.origin, file_hash=source.file_hash, cache_subdir=source.folder))
