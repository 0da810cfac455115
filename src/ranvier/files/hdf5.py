"""HDF5 as a container of arrays and nothing else: no links, no storage elsewhere, bfloat16 spelled as Keras does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import SerializationError

__all__ = ["array_of", "checked", "dtype_of", "member", "members", "opened", "write_array"]


@contextlib.contextmanager
def opened(source: Any, shown: str) -> Iterator[Any]:
    """The HDF5 file at a path, or in a file object, opened for reading.

    Args:
        source: a path or a file object.
        shown: what to call it in messages.

    Raises:
        SerializationError: it is no HDF5 file, or a broken one.
    """
    import h5py

    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise SerializationError(f"{shown!r} is not an HDF5 file of weights, or it is cut short.") from error
    with file:
        yield file


def members(group: Any) -> Iterator[tuple[str, Any]]:
    """The groups and datasets directly in a group, with their names.

    Raises:
        SerializationError: one of them is a link to elsewhere.
    """
    for key in group:
        yield key, member(group, key)


def member(group: Any, path: str) -> Any:
    """What lies at a path below `group`, reached without following a link.

    Raises:
        SerializationError: nothing lies there, or a link.
    """
    import h5py

    item: Any = group
    for part in path.split("/"):
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) and part else None
        if link is None:
            raise SerializationError(f"The file {_file_of(group)} has no {path[:100]!r} at {group.name[:100]!r}.")
        if not isinstance(link, h5py.HardLink):
            raise SerializationError(
                f"The file {_file_of(group)} holds a link at {group.name[:100]!r} called {path[:100]!r}; links are not followed."
            )
        item = item[part]
    return item


def checked(dataset: Any) -> Any:
    """The dataset itself, if it is an array of numbers or texts that this very file stores.

    Raises:
        SerializationError: anything else.
    """
    import h5py

    name = str(dataset.name)[:100]
    if not isinstance(dataset, h5py.Dataset):
        raise SerializationError(f"{name!r} in the file {_file_of(dataset)} is no array.")
    if dataset.external or dataset.is_virtual:
        raise SerializationError(f"{name!r} is not stored in the file {_file_of(dataset)} itself.")
    if dataset.dtype.kind not in "fiubcS" and h5py.check_string_dtype(dataset.dtype) is None:
        raise SerializationError(
            f"{name!r} in the file {_file_of(dataset)} is no array of numbers but of {dataset.dtype}."
        )
    return dataset


def dtype_of(dataset: Any) -> np.dtype:
    """The dtype of the array in a dataset."""
    return np.dtype(jnp.bfloat16) if dataset.attrs.get("dtype") == "bfloat16" else dataset.dtype


def array_of(dataset: Any) -> np.ndarray:
    """The array in a dataset."""
    array = np.asarray(checked(dataset)[()])
    return array.view(jnp.bfloat16) if dataset.attrs.get("dtype") == "bfloat16" else array


def write_array(group: Any, key: str, value: Any) -> None:
    """Make a dataset; bfloat16, which HDF5 does not know, as its bits with a note."""
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":
        dataset = group.create_dataset(key, data=array.view(np.int16))
        dataset.attrs["dtype"] = "bfloat16"
    else:
        group.create_dataset(key, data=array)


def _file_of(item: Any) -> str:
    name = item.file.filename
    return repr(str(name if isinstance(name, str) else "").rsplit("/", 1)[-1][:100])
