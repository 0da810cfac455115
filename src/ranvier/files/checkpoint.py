"""One file that holds the state of a run: a zip archive of ``state.json`` and arrays in NumPy's format, all data.

Every member carries a checksum, which reading compares. Arrays are not compressed, so that nothing in the file can
claim more memory than the file's own size.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import SerializationError
from .archive import Archive, Rules, open_archive
from .atomic import replacing
from .npy import npy_array
from .plain import pack, unpack

__all__ = ["read_checkpoint", "write_checkpoint"]

_FORMAT = "ranvier checkpoint 1"
_DATE = (1980, 1, 1, 0, 0, 0)
_RULES = Rules(members=1_000_000, directory=64 << 20)  # a model may have many variables, and an optimizer more


def write_checkpoint(path: str | os.PathLike[str], state: Any) -> None:
    """Write plain data (see `files.plain`) to a file that takes the place of `path` when it is whole and on the disk.

    Args:
        path: the file.
        state: numbers, texts, arrays and generators in lists, tuples and dicts.

    Raises:
        NotPlainError: something in `state` that is not plain data.
    """
    arrays: list[np.ndarray] = []
    content = pack(state, arrays)
    document = {"format": _FORMAT, "state": content, "dtypes": [array.dtype.name for array in arrays]}
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("state.json", _DATE), json.dumps(document, allow_nan=False))
        for number, array in enumerate(arrays):
            with archive.open(zipfile.ZipInfo(f"{number}.npy", _DATE), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, _storable(array), allow_pickle=False)


def _storable(array: np.ndarray) -> np.ndarray:
    """The array in a dtype that NumPy's format knows: others as whole numbers with the same bits."""
    array = np.asarray(array, order="C")
    return array.view(f"u{array.dtype.itemsize}") if array.dtype.isbuiltin == 2 else array


def read_checkpoint(path: str | os.PathLike[str]) -> Any:
    """What `write_checkpoint` wrote.

    Raises:
        SerializationError: a file that is torn, changed, or something else; it names the file and what is wrong.
    """
    name = Path(path).name
    try:
        with open(path, "rb") as file, open_archive(file, name, _RULES) as archive:
            if any(member.method for member in archive.members.values()) or "state.json" not in archive.members:
                raise SerializationError("its members are not as they were written")
            document = json.loads(archive.read("state.json", archive.present))
            if document["format"] != _FORMAT:
                raise SerializationError(f"its format is {str(document['format'])[:40]!r}, expected {_FORMAT!r}")
            dtypes = document["dtypes"]
            if len(dtypes) != len(archive.members) - 1:
                raise SerializationError(f"it has {len(archive.members) - 1} arrays instead of {len(dtypes)}")
            return unpack(document["state"], [_read_array(archive, i, str(dtypes[i])) for i in range(len(dtypes))])
    except SerializationError as error:
        raise SerializationError(f"{name} is damaged, or no checkpoint: {error}.") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise SerializationError(f"{name} is damaged, or no checkpoint: {str(error)[:200]}.") from error


def _read_array(archive: Archive, number: int, dtype: str) -> np.ndarray:
    content = archive.read(f"{number}.npy", archive.present)
    try:
        array = npy_array(content)
    except ValueError as error:
        raise SerializationError(f"its array {number} is refused: {error}") from None
    return array if array.dtype.name == dtype else array.view(jnp.dtype(dtype))
