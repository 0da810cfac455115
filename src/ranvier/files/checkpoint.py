"""One file that holds the state of a run: a zip archive of ``state.json`` and arrays in NumPy's format, all data.

Every member carries a checksum, which reading compares. Arrays are not compressed, so that nothing in the file can
claim more memory than the file's own size.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import SerializationError
from .atomic import replacing
from .plain import pack, unpack

__all__ = ["read_checkpoint", "write_checkpoint"]

_FORMAT = "ranvier checkpoint 1"
_DATE = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (
    zipfile.BadZipFile, KeyError, IndexError, ValueError, TypeError, AttributeError, EOFError, OverflowError,
    RecursionError, NotImplementedError, RuntimeError, struct.error, SyntaxError,
)  # fmt: skip


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
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) != len(names) or any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise SerializationError("its members are not as they were written")
            if sum(member.file_size for member in members) > os.path.getsize(path):
                raise SerializationError("its members claim more than the file has")
            document = json.loads(archive.read("state.json"))
            if document["format"] != _FORMAT:
                raise SerializationError(f"its format is {str(document['format'])[:40]!r}, expected {_FORMAT!r}")
            dtypes = document["dtypes"]
            if len(dtypes) != len(members) - 1:
                raise SerializationError(f"it has {len(members) - 1} arrays instead of {len(dtypes)}")
            return unpack(document["state"], [_read_array(archive, i, str(dtypes[i])) for i in range(len(dtypes))])
    except OSError as error:
        if error.errno != errno.EINVAL:  # which is what a place before the file's beginning gives
            raise
        raise SerializationError(f"{name} is damaged: a place in it does not exist.") from error
    except SerializationError as error:
        raise SerializationError(f"{name} cannot be used: {error}.") from None
    except _DAMAGE as error:
        raise SerializationError(f"{name} is damaged: {str(error)[:200]}.") from error


def _read_array(archive: zipfile.ZipFile, number: int, dtype: str) -> np.ndarray:
    with archive.open(f"{number}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, stored = read(member)
        content = member.read()  # all of it, upon which its checksum is compared
    if fortran or stored.hasobject or len(content) != int(np.prod(shape, dtype=object)) * stored.itemsize:
        raise SerializationError(f"array {number} is not as it was written")
    array = np.frombuffer(bytearray(content), stored).reshape(shape)
    wanted = jnp.dtype(dtype) if stored.name != dtype else stored
    return array if wanted == stored else array.view(wanted)
