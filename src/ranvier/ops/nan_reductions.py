"""Reductions that pass over NaN."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .symbolic import op
from .tensors import as_array, as_float, sum_dtype

__all__ = [
    "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile",
    "nanprod", "nanquantile", "nanstd", "nansum", "nanvar",
]  # fmt: skip


@op
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the largest number over `axis` (None: all); −1 where all are NaN."""
    return jnp.nanargmax(as_array(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the smallest number over `axis` (None: all); −1 where all are NaN."""
    return jnp.nanargmin(as_array(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products, NaN counting as 1."""
    return jnp.nancumprod(as_array(x), axis=axis, dtype=dtype)


@op
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums, NaN counting as 0."""
    return jnp.nancumsum(as_array(x), axis=axis, dtype=dtype)


@op
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest number over `axis` (None: all)."""
    return jnp.nanmax(as_array(x), axis=axis, keepdims=keepdims)


@op
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest number over `axis` (None: all)."""
    return jnp.nanmin(as_array(x), axis=axis, keepdims=keepdims)


@op
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of the numbers over `axis` (None: all)."""
    return jnp.nanmean(as_float(x), axis=axis, keepdims=keepdims)


@op
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The median of the numbers over `axis` (None: all)."""
    return jnp.nanmedian(as_float(x), axis=axis, keepdims=keepdims)


@op
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The `q`-quantiles of the numbers over `axis`, q from 0 to 1."""
    return jnp.nanquantile(as_float(x), as_float(q), axis=axis, method=method, keepdims=keepdims)


@op
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The `q`-percentiles of the numbers over `axis`, q from 0 to 100."""
    return jnp.nanpercentile(as_float(x), as_float(q), axis=axis, method=method, keepdims=keepdims)


@op
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product of the numbers over `axis` (None: all)."""
    x = as_array(x)
    return jnp.nanprod(x, axis=axis, keepdims=keepdims, dtype=sum_dtype(x))


@op
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of the numbers over `axis` (None: all)."""
    x = as_array(x)
    return jnp.nansum(x, axis=axis, keepdims=keepdims, dtype=sum_dtype(x))


@op
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation of the numbers over `axis` (None: all)."""
    return jnp.nanstd(as_float(x), axis=axis, keepdims=keepdims)


@op
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance of the numbers over `axis` (None: all)."""
    return jnp.nanvar(as_float(x), axis=axis, keepdims=keepdims)
