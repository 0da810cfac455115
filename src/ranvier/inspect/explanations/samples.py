"""Which sample is explained: reading inputs and targets, choosing one, and finding its part of what the model computes."""

from __future__ import annotations

import dataclasses
import numbers
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, DataError, ShapeError
from ...core.trees import ordered_keys
from ...data.convert import read
from ...layers.signatures import as_shapes
from ...ops import symbolic

__all__ = ["Sample", "as_index", "check_top", "read_sample", "read_target"]


@dataclasses.dataclass
class Sample:
    """What the model is run on, and whose numbers are shown.

    Attributes:
        x: the inputs with their batch axis, nested as the model takes them.
        batch: how many samples `x` holds.
        row: which of them is explained.
        given: how many samples the caller gave.
        index: which of those is explained.
    """

    x: Any
    batch: int
    row: int
    given: int
    index: int

    def rows(self, array: Any) -> Any:
        """The part of an array that belongs to the sample, with its batch axis.

        Where the batch axis was merged with others (the steps of `TimeDistributed`), several rows belong to it.
        """
        if self.batch == 1 or not array.ndim or array.shape[0] % self.batch:
            return array
        each = array.shape[0] // self.batch
        return array[self.row * each : (self.row + 1) * each]

    def pick(self, array: Any) -> Any:
        """The part of an array that belongs to the sample, without the batch axis."""
        mine = self.rows(array)
        return mine[0] if mine.ndim and mine.shape[0] == 1 else mine

    def place(self, index: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Where an element of `pick(array)` lies in an array of this shape."""
        if not shape:
            return ()
        each = 1 if self.batch == 1 or shape[0] % self.batch else shape[0] // self.batch
        start = 0 if self.batch == 1 or shape[0] % self.batch else self.row * each
        if len(index) == len(shape) - 1:
            return (start, *index)
        return (start + index[0], *index[1:])

    def place_within(self, place: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
        """Where in `pick(array)` an element of an array of this shape lies: the way back from `place`."""
        if not shape:
            return ()
        each = 1 if shape[0] % self.batch else shape[0] // self.batch
        if self.batch == 1 or shape[0] % self.batch:
            return place[1:] if shape[0] == 1 else place
        return place[1:] if each == 1 else (place[0] - self.row * each, *place[1:])


def as_index(given: Any, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Where an element lies in an array of this shape, as a tuple of non-negative integers; None: nowhere.

    >>> as_index(-1, (3,)), as_index((0, 2), (3, 3)), as_index((0, 3), (3, 3))
    ((2,), (0, 2), None)
    """
    parts = list(given) if isinstance(given, (tuple, list)) else [given]
    if len(parts) != len(shape) or any(isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in parts):
        return None
    if any(not -size <= i < size for i, size in zip(parts, shape, strict=True)):
        return None
    return tuple(int(i) % size for i, size in zip(parts, shape, strict=True))


def check_top(top: Any) -> int:
    """How many of something to show, as an int.

    Raises:
        ArgumentError: no integer of at least 1.
    """
    if isinstance(top, bool) or not isinstance(top, (int, np.integer)) or top < 1:
        raise ArgumentError(f"top must be an integer of at least 1. Received: top={top!r}")
    return int(top)


def read_sample(layer: Any, x: Any, index: int, whole: bool) -> Sample:
    """The inputs to run `layer` on.

    Args:
        layer: a built layer or model.
        x: one sample or a batch.
        index: which sample of the batch.
        whole: whether the model must see the whole batch.

    Raises:
        ShapeError: a sample of another shape than the model takes.
        ArgumentError: no sample at `index`.
    """
    arrays = _read(np.asarray([x]) if isinstance(x, numbers.Number) else x)
    leaves = symbolic.flatten(arrays)
    if not leaves:
        raise DataError("x holds no array. Give one sample, or a batch of them.")
    wanted = _expected(layer, arrays, len(leaves))
    batches = [_as_batch(layer, np.asarray(a), name, shape) for a, (name, shape) in zip(leaves, wanted, strict=True)]
    counts = {len(a) for a in batches}
    if len(counts) > 1:
        raise ShapeError(
            f"All inputs must hold equally many samples. Received: {[a.shape for a in batches]} for "
            f"{[name for name, _ in wanted]}"
        )
    count = counts.pop()
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or not -count <= index < count:
        raise ArgumentError(f"index must be a sample of the batch, 0 to {count - 1}. Received: index={index!r}")
    index = int(index) % count
    fixed = {shape[0] for _, shape in wanted if shape} - {None, 1}
    if fixed and count != (size := fixed.pop()):
        raise ShapeError(f"Model '{layer.name}' takes batches of exactly {size} samples. Received: {count}")
    keep_all = whole or any(shape and shape[0] not in (None, 1) for _, shape in wanted)
    rest = iter(batches if keep_all else [a[index : index + 1] for a in batches])
    chosen = symbolic.rebuild(arrays, lambda _: next(rest))
    return Sample(chosen, count if keep_all else 1, index if keep_all else 0, count, index)


def _read(x: Any) -> Any:
    """Arrays of what users hold; texts, which layers inside may look up, stay texts."""
    if isinstance(x, dict):
        return {name: _read(value) for name, value in x.items()}
    first = x
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    text = isinstance(first, str) or (isinstance(first, np.ndarray) and first.dtype.kind in "US")
    if not text:
        return read(x, "x")
    several = isinstance(x, (list, tuple)) and isinstance(first, np.ndarray)
    return [_read(value) for value in x] if several else np.asarray(x)


def _expected(layer: Any, arrays: Any, count: int) -> list[tuple[str, Any]]:
    """The name and the shape (with batch axis; None where unknown) of each input."""
    if getattr(layer, "graph", None) is not None:
        shapes = [tuple(t.shape) for t in layer.inputs]
        names = list(layer.input_names)
        if isinstance(arrays, dict):
            keys = ordered_keys(layer._inputs_struct) if isinstance(layer._inputs_struct, dict) else names
            if set(arrays) != set(keys):
                raise ArgumentError(f"Model '{layer.name}' takes the inputs {keys}. Received: {list(arrays)}")
            found = dict(zip(keys, shapes, strict=True))
            return [(key, found[key]) for key in ordered_keys(arrays)]
        if len(shapes) != count:
            raise ShapeError(f"Model '{layer.name}' takes {len(shapes)} input(s), {names}. Received: {count}")
        return list(zip(names, shapes, strict=True))
    built = list((getattr(layer, "_build_shapes", None) or {}).values())
    if (
        len(built) == 1
        and isinstance(shape := as_shapes(built[0]), tuple)
        and shape
        and not isinstance(shape[0], tuple)
    ):
        return [("x", (None, *shape[1:]))] * count if count == 1 else [("x", None)] * count
    return [("x", None)] * count


def _as_batch(layer: Any, array: np.ndarray, name: str, shape: Any) -> np.ndarray:
    """`array` with a batch axis: one sample becomes a batch of one."""
    if shape is None:
        if not array.ndim:
            raise ShapeError(f"x must have a batch axis, since model '{layer.name}' does not say what it takes.")
        return array
    forms = [array, array[None]]
    if shape[-1] == 1:  # the axis of size 1 may be missing, as in `predict`
        forms += [array[..., None], array[None, ..., None]]
    if array.ndim and array.shape[-1] == 1:
        forms.append(array[..., 0])
    for form in forms:
        if form.ndim == len(shape) and all(w in (None, s) for w, s in zip(shape[1:], form.shape[1:], strict=True)):
            return form
    sample = ", ".join("any" if s is None else str(s) for s in shape[1:]) + ("," if len(shape) == 2 else "")
    raise ShapeError(
        f"Model '{layer.name}' takes samples of shape ({sample}) for '{name}', or a batch of them. Received: shape "
        f"{array.shape}"
    )


def read_target(y: Any, outputs: Any, sample: Sample) -> Any:
    """The target of the chosen sample, with a batch axis, nested as `y` is.

    Raises:
        ShapeError: another number of targets than samples.
    """
    several = len(symbolic.flatten(outputs)) > 1
    if isinstance(y, numbers.Number):
        y = [y]
    arrays = read(np.asarray(y) if isinstance(y, (list, tuple)) and not several else y, "y")
    shapes = iter([a.shape for a in symbolic.flatten(outputs)])

    def one(array: Any) -> np.ndarray:
        array, shape = np.asarray(array), next(shapes, None)
        if sample.given == 1 and (array.ndim == 0 or array.shape[0] != 1 or array.shape == (shape or ())[1:]):
            array = array[None]
        if array.shape[:1] != (sample.given,):
            raise ShapeError(f"y must hold a target for each of {sample.given} samples. Received: shape {array.shape}")
        return array[sample.index : sample.index + 1]

    return symbolic.rebuild(arrays, one)
