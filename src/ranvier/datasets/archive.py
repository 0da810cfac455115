"""Reading named arrays from an ``.npz`` archive: data only; arrays of lists are read without running their pickles."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import DataError
from .pickles import read_pickle

__all__ = ["read_arrays"]

_LARGEST_RATIO = 1100  # deflate cannot do more
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(path: Path, names: tuple[str, ...], lists: bool = False) -> list[np.ndarray]:
    """The arrays `names` of an archive.

    Args:
        path: the archive.
        names: the arrays to read.
        lists: whether arrays may hold lists of numbers and text, which NumPy writes as pickles.

    Raises:
        DataError: no archive, an array that is missing, or one that holds Python objects.
    """
    if not zipfile.is_zipfile(path):
        raise DataError(
            f"{path} is no .npz archive. It should hold the arrays {', '.join(names)}, as np.savez writes them."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            present = archive.namelist()
            if missing := [name for name in names if f"{name}.npy" not in present]:
                raise DataError(f"{path} must hold the arrays {', '.join(names)}. Missing: {', '.join(missing)}")
            if twice := [name for name in names if present.count(f"{name}.npy") > 1]:
                raise DataError(f"{path} holds the array {twice[0]} twice.")
            return [_read(archive, name, path, lists) for name in names]
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} is damaged, or holds Python objects instead of numbers: {error}") from error


def _read(archive: zipfile.ZipFile, name: str, path: Path, lists: bool) -> np.ndarray:
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > _LARGEST_RATIO * info.compress_size + 4096:
        raise DataError(
            f"The array {name} in {path} claims {info.file_size:,} bytes in {info.compress_size:,}; refused."
        )
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise DataError(f"The array {name} in {path} has the unknown format {version}.")
        shape, fortran, dtype = _HEADERS[version](file)
        if dtype.hasobject:
            if not lists:
                raise DataError(
                    f"{path} is damaged, or holds Python objects instead of numbers: {name} has dtype {dtype}."
                )
            array = read_pickle(file.read(), f"The array {name} in {path}")
            if not isinstance(array, np.ndarray) or array.shape != shape:
                raise DataError(f"The array {name} in {path} is not the one that its header describes.")
            return array
        size = math.prod(shape) * dtype.itemsize
        if size > info.file_size:
            raise DataError(f"The array {name} in {path} is cut short: it needs {size:,} bytes of {info.file_size:,}.")
        content = file.read(size)
        if len(content) != size or file.read(1):
            raise DataError(f"The array {name} in {path} has more or fewer bytes than its shape {shape} needs.")
        return np.frombuffer(bytearray(content), dtype).reshape(shape, order="F" if fortran else "C")
