"""Reading named arrays from an ``.npz`` archive: data only; arrays of lists are read without running their pickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core.errors import DataError, SerializationError
from ..files.archive import Archive, open_archive
from ..files.npy import npy_array, npy_header
from .pickles import read_pickle

__all__ = ["read_arrays"]

_LARGEST_RATIO = 1100  # bytes out for a byte in; deflate cannot do more


def read_arrays(path: Path, names: tuple[str, ...], lists: bool = False) -> list[np.ndarray]:
    """The arrays `names` of an archive.

    Args:
        path: the archive.
        names: the arrays to read.
        lists: whether arrays may hold lists of numbers and text, which NumPy writes as pickles.

    Raises:
        DataError: no archive, an array that is missing, or one that holds Python objects.
    """
    try:
        with open_archive(path) as archive:
            if missing := [name for name in names if f"{name}.npy" not in archive.members]:
                raise DataError(f"{path} must hold the arrays {', '.join(names)}. Missing: {', '.join(missing)}")
            return [_read(archive, name, path, lists) for name in names]
    except SerializationError as error:
        raise DataError(
            f"{path} is no .npz archive that can be read. It should hold the arrays {', '.join(names)}, as np.savez "
            f"writes them. {error}"
        ) from None


def _read(archive: Archive, name: str, path: Path, lists: bool) -> np.ndarray:
    member = f"{name}.npy"
    content = archive.read(member, _LARGEST_RATIO * archive.members[member].stored + 4096)
    try:
        shape, _, dtype, begin = npy_header(content)
        if not (dtype.hasobject and lists):
            return npy_array(content)
    except ValueError as error:
        raise DataError(f"The array {name} in {path} is refused: {error}.") from None
    array = read_pickle(bytes(memoryview(content)[begin:]), f"The array {name} in {path}")
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise DataError(f"The array {name} in {path} is not the one that its header describes.")
    return array
