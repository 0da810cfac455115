"""Sums, means, extremes and counts."""

from __future__ import annotations

import builtins
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer

from .symbolic import KerasTensor, op
from .tensors import as_array, as_float, sum_dtype

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "average", "bincount", "count_nonzero", "cumprod",
    "cumsum", "in_top_k", "logsumexp", "max", "mean", "median", "min", "prod", "quantile",
    "segment_max", "segment_min", "segment_prod", "segment_sum", "std", "sum", "top_k", "var",
]  # fmt: skip


@op
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all are true over `axis` (None: all)."""
    return jnp.all(as_array(x), axis=axis, keepdims=keepdims)


@op
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any is true over `axis` (None: all)."""
    return jnp.any(as_array(x), axis=axis, keepdims=keepdims)


@op
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest over `axis` (None: all)."""
    return jnp.max(as_array(x), axis=axis, keepdims=keepdims, initial=initial)


@op
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest over `axis` (None: all)."""
    return jnp.min(as_array(x), axis=axis, keepdims=keepdims, initial=initial)


@op
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over `axis` (None: all)."""
    x = as_array(x)
    return jnp.sum(x, axis=axis, keepdims=keepdims, dtype=sum_dtype(x))


@op
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product over `axis` (None: all)."""
    x = as_array(x)
    return jnp.prod(x, axis=axis, keepdims=keepdims, dtype=dtype or sum_dtype(x))


@op
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over `axis` (None: all)."""
    return jnp.mean(as_float(x), axis=axis, keepdims=keepdims)


@op
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation over `axis` (None: all)."""
    return jnp.std(as_float(x), axis=axis, keepdims=keepdims)


@op
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance over `axis` (None: all)."""
    return jnp.var(as_float(x), axis=axis, keepdims=keepdims)


@op
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many are not 0 over `axis` (None: all)."""
    return jnp.count_nonzero(as_array(x), axis=axis).astype("int32")


@op
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The median over `axis` (None: all)."""
    return jnp.median(as_float(x), axis=axis, keepdims=keepdims)


@op
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest over `axis` (None: all)."""
    return jnp.amax(as_array(x), axis=axis, keepdims=keepdims)


@op
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest over `axis` (None: all)."""
    return jnp.amin(as_array(x), axis=axis, keepdims=keepdims)


@op
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The weighted mean over `axis`."""
    return jnp.average(as_float(x), axis=axis, weights=None if weights is None else as_float(weights))


@op
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The `q`-quantiles over `axis`."""
    return jnp.quantile(as_float(x), as_float(q), axis=axis, method=method, keepdims=keepdims)


@op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the largest over `axis`."""
    return jnp.argmax(as_array(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the smallest over `axis`."""
    return jnp.argmin(as_array(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums."""
    x = as_array(x)
    return jnp.cumsum(x, axis=axis, dtype=dtype or ("int32" if x.dtype == bool else x.dtype))


@op
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products."""
    x = as_array(x)
    return jnp.cumprod(x, axis=axis, dtype=dtype or ("int32" if x.dtype == bool else x.dtype))


@op
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """``log(Σ exp(x))`` over `axis`, without overflow."""
    return jax.nn.logsumexp(as_float(x), axis=axis, keepdims=keepdims)


def _bincount_spec(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    dtype = "int32" if weights is None else jnp.result_type("int32", weights.dtype)
    return KerasTensor((*x.shape[:-1], None), dtype)


@partial(op, spec=_bincount_spec)
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each of 0 … minlength − 1 occurs; rows of a matrix are counted apart."""
    x = as_array(x)
    length = minlength if isinstance(x, Tracer) else builtins.max(minlength, int(x.max()) + 1 if x.size else 0)
    hot = (x[..., None] == jnp.arange(length, dtype=x.dtype)).astype("int32")
    if weights is not None:
        hot = hot * as_array(weights)[..., None]
    return hot.sum(axis=-2, dtype=hot.dtype)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The `k` largest over the last axis, and their indices."""
    return lax.top_k(as_array(x), k)


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether each target class is among the `k` likeliest predictions; ties count for the target."""
    predictions, targets = as_array(predictions), as_array(targets)
    score = jnp.take_along_axis(predictions, targets[..., None].astype("int32"), axis=-1)
    return jnp.sum(predictions > score, axis=-1) < k


def _segments_spec(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Without their number, the values decide how many segments there are."""
    return None if num_segments is not None else KerasTensor((None, *data.shape[1:]), data.dtype)


@partial(op, spec=_segments_spec)
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The sums of the rows that share a segment.

    Args:
        data: (rows, …).
        segment_ids: the segment of each row, (rows,).
        num_segments: how many segments there are, needed inside compiled functions; None: one more than the largest.
        sorted: whether `segment_ids` rise, which is faster.
    """
    return jax.ops.segment_sum(as_array(data), as_array(segment_ids), num_segments, sorted)


@partial(op, spec=_segments_spec)
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The products of the rows that share a segment.

    Args:
        data: (rows, …).
        segment_ids: the segment of each row, (rows,).
        num_segments: how many segments there are, needed inside compiled functions; None: one more than the largest.
        sorted: whether `segment_ids` rise, which is faster.
    """
    return jax.ops.segment_prod(as_array(data), as_array(segment_ids), num_segments, sorted)


@partial(op, spec=_segments_spec)
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The largest of the rows that share a segment.

    Args:
        data: (rows, …).
        segment_ids: the segment of each row, (rows,).
        num_segments: how many segments there are, needed inside compiled functions; None: one more than the largest.
        sorted: whether `segment_ids` rise, which is faster.
    """
    return jax.ops.segment_max(as_array(data), as_array(segment_ids), num_segments, sorted)


@partial(op, spec=_segments_spec)
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The smallest of the rows that share a segment.

    Args:
        data: (rows, …).
        segment_ids: the segment of each row, (rows,).
        num_segments: how many segments there are, needed inside compiled functions; None: one more than the largest.
        sorted: whether `segment_ids` rise, which is faster.
    """
    return jax.ops.segment_min(as_array(data), as_array(segment_ids), num_segments, sorted)
