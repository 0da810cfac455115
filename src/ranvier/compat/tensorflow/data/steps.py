"""What the steps of a `Dataset` do, as generators of stored elements."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ....core.errors import DataError
from ..shapes import TensorShape
from ..tensors import array_of
from .elements import as_stored, as_tensors, leaves_of

__all__ = ["bucketed", "called", "chosen", "drawn", "fitted", "interleaved", "padded", "shapes_of", "unique", "windows"]


def called(function: Callable[..., Any], element: Any) -> Any:
    """`function` of an element as tensors; a tuple's parts come as separate arguments."""
    given = as_tensors(element)
    return function(*given) if isinstance(given, tuple) else function(given)


def windows(
    elements: Iterator[Any], size: int, step: int, stride: int, drop_remainder: bool, make: Callable[[list[Any]], Any]
) -> Iterator[Any]:
    """Windows of `size` elements, each `step` after the one before; `make` makes a dataset of a list."""
    span = (size - 1) * stride + 1
    kept: list[Any] = []
    start, position, ended = 0, 0, False
    while True:
        while not ended and position < start + span:
            try:
                element = next(elements)
            except StopIteration:
                ended = True
                break
            if position >= start:
                kept.append(element)
            position += 1
        part = kept[:span:stride]
        if not part or (drop_remainder and len(part) < size):
            return
        yield _columns(part, make)
        kept = kept[step:]
        start += step


def _columns(part: list[Any], make: Callable[[list[Any]], Any]) -> Any:
    """A window as a dataset, or as a tuple or dict of datasets, one for each part of the elements."""
    first = part[0]
    if isinstance(first, tuple):
        return tuple(_columns([e[i] for e in part], make) for i in range(len(first)))
    if isinstance(first, dict):
        return {k: _columns([e[k] for e in part], make) for k in first}
    return make(part)


def interleaved(sources: Iterator[Iterator[Any]], width: int, block: int) -> Iterator[Any]:
    """`block` elements in turn of each of `width` sources."""
    open_: list[Iterator[Any]] = list(itertools.islice(sources, width))
    at = 0
    while open_:
        at %= len(open_)
        taken = list(itertools.islice(open_[at], block))
        yield from taken
        if len(taken) == block:
            at += 1
            continue
        following = next(sources, None)
        if following is None:
            del open_[at]
        else:
            open_[at] = following
            at += 1


def bucketed(
    elements: Iterator[Any],
    length_of: Callable[..., Any],
    boundaries: Sequence[int],
    sizes: Sequence[int],
    drop_remainder: bool,
    pad: Callable[[list[Any]], Any],
) -> Iterator[Any]:
    """Batches of elements of similar length."""
    buckets: dict[int, list[Any]] = {}
    for element in elements:
        number = int(np.searchsorted(boundaries, int(called(length_of, element)), side="right"))
        buckets.setdefault(number, []).append(element)
        if len(buckets[number]) == sizes[number]:
            yield pad(buckets.pop(number))
    if not drop_remainder:
        for number in sorted(buckets):
            yield pad(buckets[number])


def drawn(datasets: Sequence[Any], weights: Any, seed: int, stop_on_empty: bool) -> Iterator[Any]:
    """Elements of one or another dataset, drawn with these weights."""
    chances = np.full(len(datasets), 1.0) if weights is None else np.array(weights, np.float64)
    generator, iterators = np.random.default_rng(seed), [d.elements() for d in datasets]
    while chances.sum() > 0:
        which = int(generator.choice(len(chances), p=chances / chances.sum()))
        try:
            yield next(iterators[which])
        except StopIteration:
            if stop_on_empty:
                return
            chances[which] = 0


def chosen(datasets: Sequence[Any], numbers: Iterator[Any], stop_on_empty: bool) -> Iterator[Any]:
    """Elements of the datasets with these numbers."""
    iterators = [d.elements() for d in datasets]
    for number in numbers:
        try:
            yield next(iterators[int(number)])
        except StopIteration:
            if stop_on_empty:
                return


def unique(elements: Iterator[Any]) -> Iterator[Any]:
    """Each element once."""
    seen = set()
    for element in elements:
        key = tuple(
            (leaf.dtype.str, leaf.tobytes()) if hasattr(leaf, "tobytes") else leaf for leaf in leaves_of(element)
        )
        if key not in seen:
            seen.add(key)
            yield element


def shapes_of(types: Any, shapes: Any) -> list[Any]:
    """A shape for each dtype of an element."""
    count = len(leaves_of(types))
    if shapes is None:
        return [None] * count
    if count == 1 and not isinstance(types, (tuple, dict)):
        return [shapes]
    return [
        TensorShape(s) if s is not None else None for s in (shapes.values() if isinstance(shapes, dict) else shapes)
    ]


def fitted(element: Any, spec: Any) -> Any:
    """An element in the dtypes and shapes that the signature says."""
    if isinstance(spec, tuple):
        if not isinstance(element, (tuple, list)) or len(element) != len(spec):
            raise DataError(f"The generator must give tuples of {len(spec)}. Received: {type(element).__name__}")
        return tuple(fitted(e, s) for e, s in zip(element, spec, strict=True))
    if isinstance(spec, dict):
        return {k: fitted(element[k], s) for k, s in spec.items()}
    if spec.dtype == "string":
        return as_stored(element)
    stored = np.asarray(array_of(element, spec.dtype))
    if not spec.shape.is_compatible_with(stored.shape):
        raise DataError(f"The generator gave shape {stored.shape}, which does not fit {spec}.")
    return stored


def padded(group: list[Any], shapes: Any, values: Any) -> Any:
    """Elements padded to one shape, stacked."""
    first = group[0]
    if isinstance(first, tuple):
        return tuple(
            padded(
                [e[i] for e in group],
                None if shapes is None else shapes[i],
                values[i] if isinstance(values, tuple) else values,
            )
            for i in range(len(first))
        )
    if isinstance(first, dict):
        return {
            k: padded(
                [e[k] for e in group],
                None if shapes is None else shapes[k],
                values[k] if isinstance(values, dict) else values,
            )
            for k in first
        }
    arrays = [np.asarray(e) for e in group]
    largest = [max(a.shape[i] for a in arrays) for i in range(arrays[0].ndim)]
    if shapes is not None:
        wanted = [None if s in (None, -1) else int(s) for s in (() if shapes == [] else TensorShape(shapes))]
        for size, most in zip(wanted, largest, strict=True):
            if size is not None and size < most:
                raise DataError(f"padded_shapes says {size}, but an element has size {most} there.")
        largest = [most if size is None else size for size, most in zip(wanted, largest, strict=True)]
    filler = (
        0 if values is None else np.asarray(values if not isinstance(values, jax.Array) else np.asarray(values))[()]
    )
    out = np.full((len(arrays), *largest), filler, arrays[0].dtype)
    for row, array in enumerate(arrays):
        out[(row, *(slice(n) for n in array.shape))] = array
    return out
