"""Tensors made of numbers: constants, zeros and ones, ranges, grids."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...ops.symbolic import op
from . import dtypes
from .dtypes import dtype_name
from .shapes import static_shape
from .tensors import array_of

__all__ = [
    "constant", "eye", "fill", "linspace", "meshgrid", "one_hot", "ones", "ones_like", "range", "sequence_mask",
    "zeros", "zeros_like",
]  # fmt: skip


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Any:
    """A tensor of a number, a nested list or an array.

    Args:
        value: the numbers.
        dtype: their dtype; None: int32 for whole Python numbers, float32 for others, an array's own.
        shape: the shape; one number fills it.
        name: accepted.

    >>> from ranvier.compat import tensorflow as tf
    >>> tf.constant([[1, 2], [3, 4]])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 2],
           [3, 4]], dtype=int32)>
    """
    array = array_of(value, dtype)
    if array is value and isinstance(array, jax.Array):
        array = jnp.copy(array)
    if shape is None:
        return array
    shape = static_shape(shape)
    return jnp.full(shape, array) if array.size == 1 else array.reshape(shape)


def zeros(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Any:
    """A tensor of zeros."""
    return jnp.zeros(static_shape(shape), dtype_name(dtype))


def ones(shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None) -> Any:
    """A tensor of ones."""
    return jnp.ones(static_shape(shape), dtype_name(dtype))


@op
def zeros_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Any:
    """Zeros in the shape (and, without `dtype`, the dtype) of `input`."""
    return jnp.zeros_like(array_of(input), dtype_name(dtype))


@op
def ones_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None) -> Any:
    """Ones in the shape (and, without `dtype`, the dtype) of `input`."""
    return jnp.ones_like(array_of(input), dtype_name(dtype))


def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Any:
    """A tensor of shape `dims` with `value` everywhere."""
    return jnp.full(static_shape(dims), array_of(value))


def eye(
    num_rows: Any,
    num_columns: Any = None,
    batch_shape: Any = None,
    dtype: Any = dtypes.float32,
    name: str | None = None,
) -> Any:
    """The identity matrix, as often as `batch_shape` says."""
    one = jnp.eye(int(num_rows), None if num_columns is None else int(num_columns), dtype=dtype_name(dtype))
    return one if batch_shape is None else jnp.broadcast_to(one, (*static_shape(batch_shape), *one.shape))


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Any:
    """The numbers from `start` to `limit` (which is left out) in steps of `delta`; with one argument, from 0."""
    if limit is None:
        start, limit = 0, start
    ends = [_number(v) for v in (start, limit, delta)]
    if dtype is None:
        typed = [v.dtype.name for v in (start, limit, delta) if hasattr(v, "dtype")]
        floats = any(isinstance(v, (float, np.floating)) for v in ends)
        dtype = next((t for t in typed if "float" in t), None) or (
            "float32" if floats else typed[0] if typed else "int32"
        )
    return jnp.arange(*ends, dtype=dtype_name(dtype))


def _number(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, (np.ndarray, np.generic)):  # else it is known, and a trace would make it unknown
        value = np.asarray(array_of(value))
    return np.asarray(value).item()


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Any:
    """`num` numbers from `start` to `stop`, both among them, equally far apart."""
    start, stop = (array_of(v) for v in (start, stop))
    start, stop = (v if jnp.issubdtype(v.dtype, jnp.inexact) else v.astype(jnp.float32) for v in (start, stop))
    return jnp.linspace(start, stop, int(num), axis=axis)


def meshgrid(*args: Any, indexing: str = "xy", name: str | None = None) -> list[Any]:
    """For each axis of a grid the coordinate of each of its points."""
    return list(jnp.meshgrid(*map(array_of, args), indexing=indexing))


@op
def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Any:
    """Vectors with `on_value` (1) at each index and `off_value` (0) elsewhere; an index that is none gives no 1."""
    if dtype is None:
        given = next((v for v in (on_value, off_value) if v is not None), None)
        dtype = "float32" if given is None or isinstance(given, float) else array_of(given).dtype
    on = 1 if on_value is None else array_of(on_value)
    off = 0 if off_value is None else array_of(off_value)
    hit = jax.nn.one_hot(array_of(indices), int(depth), dtype=bool, axis=-1 if axis is None else axis)
    return jnp.where(hit, on, off).astype(dtype_name(dtype))


@op
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = dtypes.bool, name: str | None = None) -> Any:
    """For each length a row that begins with so many times True."""
    lengths = array_of(lengths)
    size = int(np.max(np.asarray(lengths))) if maxlen is None else int(maxlen)
    return (jnp.arange(size) < lengths[..., None]).astype(dtype_name(dtype))
