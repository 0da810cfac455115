"""`make_data`: decides what the arguments of `fit`, `evaluate` and `predict` are, and checks them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal

import jax
import numpy as np

from ..core.errors import ArgumentError, DataError, DataWarning
from ..core.tracebacks import outside
from .blocks import FileData
from .checks import check_sample_count, check_sample_weight, positive_integer, warn_nonfinite
from .class_weights import check_class_weight, class_sample_weight
from .convert import read
from .iterables import is_stream, make_stream
from .lazy import Rows, take
from .packing import trimmed
from .sources import ArrayData, StreamData, epoch_order
from .split import cut

__all__ = ["make_data"]


def make_data(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
    shuffle: bool | Literal["batch"] = False,
    class_weight: Any = None,
    output_shape: Callable[[], tuple[int | None, ...] | None] = lambda: None,
    whole: bool = True,
    what: str = "",
    carry: bool | None = None,
    check_finite: bool = True,
) -> ArrayData | StreamData:
    """Whatever a user calls data, as arrays in memory or in files or as a stream of batches.

    Args:
        x: arrays, tables, tensors, lists of numbers, nested in lists, tuples and dicts, each (samples, …); or an
            iterable of batches: a generator, `PyDataset`, ``tf.data.Dataset``, torch ``DataLoader`` or other.
        y: targets, where `x` is arrays.
        sample_weight: weights, where `x` is arrays: (samples,), or the first axes of `y`.
        batch_size: samples in a batch, None: 32; iterables bring their own.
        steps_per_epoch: batches in an epoch, None: all.
        shuffle: True, False, or "batch" for the order of the batches only; for iterables, of a `PyDataset`.
        class_weight: dict from class to weight, instead of `sample_weight`.
        output_shape: gives the shape of the model's output, which says whether labels have an axis of classes; or None.
        whole: whether arrays are all the data, so that a class that never occurs in them is worth a warning.
        what: the argument that the data came in, for messages; "" for `fit`'s own.
        carry: whether an epoch of `steps_per_epoch` goes on where the last one stopped, or starts from the beginning;
            None: it goes on for `fit`'s own data.
        check_finite: whether to warn of NaN and infinity.

    Raises:
        DataError: data that cannot be used.
        ArgumentError: another argument that makes no sense.

    >>> data = make_data(np.zeros((10, 3)), np.arange(10), batch_size=4)
    >>> data.size, data.steps, data.arrays[0].dtype
    (10, 3, dtype('float32'))
    """
    names = tuple(f"{what}'s {part}" if what else part for part in ("x", "y", "sample_weight"))
    batch_size = 32 if batch_size is None else positive_integer(batch_size, "batch_size")
    if steps_per_epoch is not None:
        steps_per_epoch = positive_integer(steps_per_epoch, "steps_per_epoch" if not what else "validation_steps")
    if not isinstance(shuffle, (bool, np.bool_)) and shuffle != "batch":
        raise ArgumentError(f"shuffle must be True, False or 'batch'. Received: shuffle={shuffle!r}")
    if class_weight is not None:
        class_weight = check_class_weight(class_weight)
    carry = not what if carry is None else carry
    if x is None:
        raise DataError(f"{names[0]} is None. Give arrays, or an iterable of batches.")
    if is_stream(x):
        for given, name in ((y, "y"), (sample_weight, "sample_weight")):
            if given is not None:
                raise DataError(
                    f"{names[0]} gives batches, so {name} must come in them, as (x, y) or (x, y, sample_weight); "
                    f"{name} cannot "
                    f"be given beside it. Received: {names[0]} as {type(x).__name__}"
                )
        return make_stream(
            x,
            steps=steps_per_epoch,
            carry=carry,
            shuffle=shuffle,
            class_weight=class_weight,
            output_shape=output_shape,
            name=names[0],
            check_finite=check_finite,
        )
    arrays = _read_arrays(x, y, sample_weight, class_weight, output_shape, whole, names)
    size = check_sample_count(arrays, names)
    if len(arrays) == 3:
        check_sample_weight(arrays[1], arrays[2], names[2])
    if check_finite:
        warn_nonfinite(arrays, names)
    batches = -(-size // batch_size)
    if steps_per_epoch is not None and steps_per_epoch > batches:
        warnings.warn(
            f"steps_per_epoch={steps_per_epoch}, but {size} samples make only {batches} batches of {batch_size}: an "
            "epoch has "
            f"{batches} steps.",
            DataWarning,
            stacklevel=outside(),
        )
    steps = steps_per_epoch if steps_per_epoch is not None and steps_per_epoch < batches else None
    if steps is not None and not carry and not shuffle:
        size, steps = steps * batch_size, None
        arrays = cut(arrays, 0, size)
    if steps is not None:
        return _stream_of_arrays(arrays, size, batch_size, shuffle, steps, carry, names, check_finite)
    if any(isinstance(leaf, Rows) for leaf in jax.tree.leaves(arrays)):
        return FileData(arrays, size, batch_size, shuffle, names, check_finite)
    return ArrayData(arrays, size, batch_size, shuffle)


def _read_arrays(
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    output_shape: Callable[[], Any],
    whole: bool,
    names: tuple[str, ...],
) -> tuple[Any, ...]:
    """(x,), (x, y) or (x, y, sample_weight) as nested arrays; class weights become sample weights."""
    x, y = read(x, names[0]), read(y, names[1])
    if class_weight is not None:
        if sample_weight is not None:
            raise ArgumentError("Give class_weight or sample_weight, not both: multiply them into one sample_weight.")
        labels = take(y, slice(None)) if isinstance(y, Rows) else y
        return x, y, class_sample_weight(labels, class_weight, names[1], whole=whole, output_shape=output_shape())
    return trimmed(x, y, read(sample_weight, names[2]))


def _stream_of_arrays(
    arrays: tuple[Any, ...],
    size: int,
    batch_size: int,
    shuffle: bool | Literal["batch"],
    steps: int | None,
    carry: bool,
    names: tuple[str, ...],
    check_finite: bool,
) -> StreamData:
    """Arrays cut into batches on the host, for epochs that are shorter than the data."""

    def one_pass(generator: np.random.Generator, done: int = 0) -> Iterator[tuple[Any, ...]]:
        nonlocal check_finite
        order = epoch_order(size, batch_size, shuffle, generator)
        for start in range(done * batch_size, size, batch_size):
            stop = min(start + batch_size, size)
            index = slice(start, stop) if order is None else order[start:stop]
            parts = [read(jax.tree.map(lambda a, i=index: take(a, i), tree), names[k]) for k, tree in enumerate(arrays)]
            batch = trimmed(*(*parts, None, None)[:3])
            if check_finite and warn_nonfinite(batch, names, f" of batch {start // batch_size}"):
                check_finite = False
            yield batch

    return StreamData(one_pass, steps, carry=carry, length=-(-size // batch_size), name=names[0], seek=one_pass)
