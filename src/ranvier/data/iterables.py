"""Iterables of batches: which they are, and how their batches become tuples of arrays.

Other frameworks' loaders are recognised by the names of their classes, so that none is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, DataError
from .checks import check_sample_count, warn_nonfinite
from .class_weights import class_sample_weight
from .convert import describe, is_from, read
from .packing import trimmed, unpack_x_y_sample_weight
from .pipeline import Dataset
from .py_dataset import is_py_dataset, open_py_dataset
from .sources import StreamData

__all__ = ["is_stream", "make_stream"]


def is_stream(x: Any) -> bool:
    """Whether `x` gives batches, rather than being the data."""
    if isinstance(x, (str, bytes, np.ndarray, list, tuple, range, Mapping)) or hasattr(x, "__array__"):
        return False
    if is_py_dataset(x) or hasattr(x, "__next__") or is_from(x, "torch", "Dataset"):
        return True
    return hasattr(x, "__iter__") and not (hasattr(x, "shape") and hasattr(x, "dtype")) and not hasattr(x, "tocoo")


def make_stream(
    x: Any,
    *,
    steps: int | None,
    carry: bool,
    shuffle: bool | str,
    class_weight: dict[int, float] | None,
    output_shape: Callable[[], tuple[int | None, ...] | None],
    name: str,
    check_finite: bool,
) -> StreamData:
    """An iterable of batches, of any kind, as a `StreamData`."""
    prepare = _Preparation(name, class_weight, output_shape, check_finite)
    if is_py_dataset(x):
        return open_py_dataset(x, prepare.all, steps=steps, carry=carry, shuffle=bool(shuffle), name=name)
    if is_from(x, "torch", "Dataset"):
        raise DataError(
            f"{name} is a torch Dataset of single samples. Wrap it: torch.utils.data.DataLoader({name}, batch_size=32)."
        )
    one_shot = hasattr(x, "__next__")
    open_pass: Callable[[], Iterator[Any]] = x.elements if isinstance(x, Dataset) else x.__iter__
    if is_from(x, "tensorflow", "DatasetV2"):
        open_pass = lambda: iter(x.as_numpy_iterator())  # noqa: E731
    length = None if one_shot else _length(x)
    if length is None and steps is None and _is_endless(x):
        raise ArgumentError(f"{name} is endless, so steps_per_epoch must say how many batches make an epoch.")
    return StreamData(
        lambda generator: prepare.all(open_pass(), close=not one_shot),
        steps,
        carry=carry,
        length=length,
        one_shot=one_shot,
        name=name,
    )


def _length(x: Any) -> int | None:
    """Batches in a pass, if `x` says so."""
    try:
        count = len(x)
    except TypeError:
        return None
    return count if count >= 0 else None


def _is_endless(x: Any) -> bool:
    if isinstance(x, Dataset):
        return x.endless
    return is_from(x, "tensorflow", "DatasetV2") and int(x.cardinality().numpy()) == -1


class _Preparation:
    """What is done with each batch, in the thread that reads ahead."""

    def __init__(
        self, name: str, class_weight: dict[int, float] | None, output_shape: Callable[[], Any], check_finite: bool
    ):
        self._name = name
        self._names = tuple(f"{part} in batches of {name}" for part in ("x", "y", "sample_weight"))
        self._class_weight = class_weight
        self._output_shape = output_shape
        self._check_finite = check_finite

    def all(self, batches: Iterator[Any], close: bool = True) -> Iterator[tuple[Any, ...]]:
        """Every batch of one pass as a tuple of arrays; `close` its iterator then, unless it is the user's."""
        try:
            for number, batch in enumerate(batches):
                yield self._one(batch, number)
        finally:
            end = getattr(batches, "close", None)
            if close and end is not None:
                end()

    def _one(self, batch: Any, number: int) -> tuple[Any, ...]:
        x, y, sample_weight = (read(part, name) for part, name in zip(self._unpack(batch), self._names, strict=True))
        if self._class_weight is not None:
            if sample_weight is not None:
                raise DataError("Give class_weight or sample weights in the batches, not both.")
            sample_weight = class_sample_weight(
                y, self._class_weight, self._names[1], whole=False, output_shape=self._output_shape()
            )
        arrays = trimmed(x, y, sample_weight)
        if isinstance(batch, (tuple, list)) and len(arrays) <= len(batch):
            arrays = (x, y, sample_weight)[: len(batch)]  # Nones that were given belong to the batch
        check_sample_count(arrays, self._names)
        if self._check_finite and warn_nonfinite(arrays, self._names, f" of batch {number}"):
            self._check_finite = False  # once is enough
        return arrays

    def _unpack(self, batch: Any) -> tuple[Any, Any, Any]:
        """(x, y, sample_weight) of what the iterable gave."""
        if isinstance(batch, list) and not any(is_from(item, "torch", "Tensor") for item in batch):
            raise DataError(
                f"{self._name} must give tuples (x,), (x, y) or (x, y, sample_weight); a list could also be several "
                "inputs. "
                f"Received: {describe(batch)}"
            )
        if isinstance(batch, tuple) and not 1 <= len(batch) <= 3:
            raise DataError(f"{self._name} must give tuples of one to three parts. Received: a tuple of {len(batch)}")
        return unpack_x_y_sample_weight(batch)
