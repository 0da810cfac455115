"""Splitting and joining along fixed axes, sets and places, and the same bits seen as another dtype."""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any

import jax.numpy as jnp
from jax import lax

from ..core.dtypes import standardize_dtype
from ..core.errors import ShapeError
from .shaping import LONG
from .symbolic import KerasTensor, infer, op
from .tensors import as_array, as_float

__all__ = [
    "append", "argpartition", "diagflat", "dsplit", "dstack", "fliplr", "flipud", "hsplit", "isin", "unique",
    "unravel_index", "view", "view_as_complex", "view_as_real", "vsplit",
]  # fmt: skip


def _parts(sections: Any) -> Any:
    return sections if isinstance(sections, int) else tuple(sections)


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`x2` after `x1` along `axis` (None: both flattened)."""
    return jnp.append(as_array(x1), as_array(x2), axis)


@op
def argpartition(x: Any, kth: int, axis: int = -1) -> Any:
    """Indices that put the `kth` smallest in its place, the smaller ones before it."""
    return jnp.argpartition(as_array(x), kth, axis).astype("int32")


@op
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with the elements of `x` on its `k`-th diagonal."""
    return jnp.diagflat(as_array(x), k)


@partial(op, small=LONG)
def dsplit(x: Any, indices_or_sections: Any) -> Any:
    """Pieces along the third axis."""
    return jnp.dsplit(as_array(x), _parts(indices_or_sections))


@partial(op, small=LONG)
def hsplit(x: Any, indices_or_sections: Any) -> Any:
    """Pieces along the second axis (the first of a vector)."""
    return jnp.hsplit(as_array(x), _parts(indices_or_sections))


@partial(op, small=LONG)
def vsplit(x: Any, indices_or_sections: Any) -> Any:
    """Pieces along the first axis."""
    return jnp.vsplit(as_array(x), _parts(indices_or_sections))


@op
def dstack(xs: Any) -> Any:
    """One behind the other, along the third axis."""
    return jnp.dstack([as_array(x) for x in xs])


@op
def fliplr(x: Any) -> Any:
    """Back to front along the second axis."""
    return jnp.fliplr(as_array(x))


@op
def flipud(x: Any) -> Any:
    """Back to front along the first axis."""
    return jnp.flipud(as_array(x))


@op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element of `x1` occurs in `x2` (or does not, with `invert`)."""
    return jnp.isin(as_array(x1), as_array(x2), assume_unique=assume_unique, invert=invert)


def _unique_spec(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Without a size, the values decide how many different ones there are; the inverse has a place for each element."""
    bound = signature(unique).bind(x, *args, **kwargs).arguments
    if bound.get("size") is not None:
        return None
    found = infer(unique.__wrapped__, (), {**bound, "size": 2})  # type: ignore[attr-defined]
    axis = bound.get("axis")
    values, *others = found if isinstance(found, tuple) else (found,)
    shape = [None if axis is None or i == axis % len(x.shape) else n for i, n in enumerate(values.shape)]
    names = [n for n in ("index", "inverse", "counts") if bound.get(f"return_{n}")]
    more = [t if n == "inverse" else KerasTensor((None,), t.dtype) for n, t in zip(names, others, strict=True)]
    results = (KerasTensor(shape, values.dtype), *more)
    return results if isinstance(found, tuple) else results[0]


@partial(op, spec=_unique_spec)
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements (or slices along `axis`) of `x`, rising.

    Args:
        x: a tensor.
        sorted: results always rise here.
        return_index: also give where each first occurs.
        return_inverse: also give which of the results each element is.
        return_counts: also give how often each occurs.
        axis: compare slices along this axis; None: elements.
        size: how many results to give, needed inside compiled functions.
        fill_value: what fills up to `size`.
    """
    found = jnp.unique(
        as_array(x), return_index, return_inverse, return_counts, axis=axis, size=size, fill_value=fill_value
    )
    if not (return_index or return_inverse or return_counts):
        return found
    return (found[0], *(indices.astype("int32") for indices in found[1:]))


@op
def unravel_index(indices: Any, shape: Any) -> Any:
    """The coordinates, one tensor for each axis of `shape` (an integer for one axis), of places in the flat tensor."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return tuple(i.astype("int32") for i in jnp.unravel_index(as_array(indices), sizes))


@op
def view(x: Any, dtype: Any = None) -> Any:
    """The same bits read as another dtype; the last axis shrinks or grows with the elements' width."""
    x = as_array(x)
    return x if dtype is None else x.view(standardize_dtype(dtype))


@op
def view_as_complex(x: Any) -> Any:
    """Pairs of real and imaginary parts, (…, 2), as complex numbers, (…)."""
    x = as_float(x)
    if x.ndim == 0 or x.shape[-1] != 2:
        raise ShapeError(f"x must end in an axis of size 2. Received: shape {x.shape}")
    return lax.complex(x[..., 0], x[..., 1])


@op
def view_as_real(x: Any) -> Any:
    """Complex numbers, (…), as pairs of real and imaginary parts, (…, 2)."""
    x = as_array(x)
    return jnp.stack([x.real, x.imag], axis=-1)
