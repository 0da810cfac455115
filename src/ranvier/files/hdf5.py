"""HDF5 as a container of arrays and nothing else: no links, no storage elsewhere, bfloat16 spelled as Keras does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import SerializationError
from .checksums import checksum_meanwhile
from .hdf5_reader import open_hdf5

__all__ = ["array_of", "checked", "dtype_of", "member", "members", "opened", "write_array"]


@contextlib.contextmanager
def opened(source: Any, shown: str) -> Iterator[Any]:
    """The root of the HDF5 file at a path, in a file object or in a `Source`; all of it has been checked.

    Args:
        source: where it is.
        shown: what to call it in messages.

    Raises:
        SerializationError: it is no HDF5 file, a broken one, or one that holds more than arrays of its own.
    """
    with open_hdf5(source, shown) as file:
        yield file


def members(group: Any) -> Iterator[tuple[str, Any]]:
    """The groups and datasets directly in a group, with their names.

    Raises:
        SerializationError: one of them cannot be read.
    """
    for key in group:
        yield key, member(group, key)


def member(group: Any, path: str) -> Any:
    """What lies at a path below `group`.

    Raises:
        SerializationError: nothing lies there.
    """
    item = group
    for part in path.split("/"):
        item = item.get(part) if part and hasattr(item, "keys") else None
        if item is None:
            raise SerializationError(f"The file has no {path[:100]!r} at {group.name[:100]!r}.")
    return item


def checked(dataset: Any) -> Any:
    """The dataset itself, if it is an array of numbers or texts.

    Raises:
        SerializationError: anything else.
    """
    if not hasattr(dataset, "shape"):
        raise SerializationError(f"{dataset.name[:100]!r} in the file is no array.")
    if dataset.dtype.kind not in "fiubcSO" and dtype_of(dataset) == dataset.dtype:
        raise SerializationError(f"{dataset.name[:100]!r} in the file is no array of numbers but of {dataset.dtype}.")
    return dataset


def dtype_of(dataset: Any) -> np.dtype:
    """The dtype of the array in a dataset."""
    short = dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.str[1:] in ("i2", "u2", "V2")
    return np.dtype(jnp.bfloat16) if short else dataset.dtype


def array_of(dataset: Any) -> np.ndarray:
    """The array in a dataset."""
    array = np.asarray(checked(dataset)[()])
    return array.view(dtype_of(dataset))


def write_array(group: Any, key: str, value: Any) -> None:
    """Make a dataset with a checksum; bfloat16, which HDF5 does not know, as its bits with a note, as Keras does."""
    array = np.asarray(value)
    short = array.dtype.name == "bfloat16"
    if array.dtype.kind not in "biufcV":
        group.create_dataset(key, data=array)
        return
    with checksum_meanwhile(array) as found:
        dataset = group.create_dataset(key, data=array.view("V2") if short else array)
        if short:
            dataset.attrs["dtype"] = "bfloat16"
        dataset.attrs["crc32"] = np.uint32(found())
