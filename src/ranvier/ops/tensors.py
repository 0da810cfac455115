"""Making and converting tensors, and leaving the graph of gradients."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.dtypes import is_float, standardize_dtype
from ..core.settings import floatx
from ..core.variables import Variable
from .symbolic import KerasTensor, is_symbolic, op

__all__ = [
    "arange", "array", "cast", "convert_to_numpy", "convert_to_tensor", "copy", "dtype", "empty", "empty_like", "eye",
    "full", "full_like", "geomspace", "identity", "is_tensor", "linspace", "logspace", "meshgrid", "ndim", "ones",
    "ones_like", "saturate_cast", "shape", "size", "stop_gradient", "tri", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def tensor(x: Any) -> Any:
    """`x` as something that JAX computes with: lists and Variables become arrays, Python numbers stay weakly typed."""
    if isinstance(x, Variable):
        return x.value
    if isinstance(x, (list, tuple)):
        return jnp.stack([jnp.asarray(tensor(v)) for v in x]) if _holds_arrays(x) else _from_numbers(x)
    return x


def _holds_arrays(x: Any) -> bool:
    return any(isinstance(v, (jax.Array, Variable)) or (isinstance(v, (list, tuple)) and _holds_arrays(v)) for v in x)


def _from_numbers(x: Any) -> Any:
    array = np.asarray(x)
    return jnp.asarray(array, {"float64": floatx(), "int64": "int32"}.get(array.dtype.name))


def as_array(x: Any) -> Any:
    """`x` as an array; Python numbers take `floatx()` or int32, whatever JAX's 64-bit mode."""
    x = tensor(x)
    return _from_numbers(x) if isinstance(x, (float, int)) else jnp.asarray(x)


def as_float(x: Any) -> Any:
    """`x` as an array of floating (or complex) numbers; integers and booleans become `floatx()`."""
    x = as_array(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(floatx())


def sum_dtype(x: Any) -> Any:
    """The dtype in which elements of array `x` are summed: its own, or 32 bits for booleans and narrower integers."""
    if x.dtype == bool:
        return "int32"
    narrow = jnp.issubdtype(x.dtype, jnp.integer) and x.dtype.itemsize < 4
    return ("uint32" if jnp.issubdtype(x.dtype, jnp.unsignedinteger) else "int32") if narrow else x.dtype


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as an array of `dtype` (None: its own; `floatx()` for Python floats)."""
    if is_symbolic(x):
        return cast(x, dtype) if dtype is not None and x.dtype != standardize_dtype(dtype) else x
    return as_array(x) if dtype is None else jnp.asarray(tensor(x), standardize_dtype(dtype))


def array(x: Any, dtype: Any = None) -> Any:
    """`x` as an array."""
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a NumPy array."""
    return np.asarray(x.value if isinstance(x, Variable) else x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array or a symbolic tensor."""
    return isinstance(x, (jax.Array, KerasTensor))


def shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of `x`; None where a symbolic tensor does not know them."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: Any) -> str:
    """The name of the dtype of `x`."""
    return standardize_dtype(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype)


def ndim(x: Any) -> int:
    """The number of axes of `x`."""
    return len(shape(x))


def size(x: Any) -> Any:
    """The number of elements of `x`; None if a size is unknown."""
    sizes = shape(x)
    return None if None in sizes else math.prod(s for s in sizes if s is not None)


@op
def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype."""
    return jnp.asarray(tensor(x), standardize_dtype(dtype))


@op
def saturate_cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype, cut off at the smallest and largest number that it holds."""
    x, name = as_array(x), standardize_dtype(dtype)
    if name == "bool" or "complex" in name:
        return x.astype(name)
    low, high = _limits(name)
    own_low, own_high = _limits(x.dtype.name)
    whole = x.astype(name)
    # Comparing where `x` holds the limit, and choosing in the new dtype, keeps limits exact that `x` would round.
    if high < own_high:
        whole = jnp.where(x >= high, jnp.asarray(high, name), whole)
    if low > own_low:
        whole = jnp.where(x <= low, jnp.asarray(low, name), whole)
    return whole


def _limits(name: str) -> tuple[Any, Any]:
    if name == "bool":
        return 0, 1
    info = jnp.finfo(name) if is_float(name) else jnp.iinfo(name)
    kind = float if is_float(name) else int
    return kind(info.min), kind(info.max)


@op
def stop_gradient(variable: Any) -> Any:
    """`variable`, through which no gradient flows."""
    return jax.lax.stop_gradient(as_array(variable))


@op
def copy(x: Any) -> Any:
    """A copy of `x`."""
    return jnp.array(as_array(x))


def _float(dtype: Any) -> str:
    return standardize_dtype(dtype)


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros of `shape`."""
    return jnp.zeros(shape, _float(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones of `shape`."""
    return jnp.ones(shape, _float(dtype))


def empty(shape: Any, dtype: Any = None) -> Any:
    """An array of `shape` whose values mean nothing (zeros)."""
    return jnp.zeros(shape, _float(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """`fill_value` everywhere."""
    return jnp.full(shape, tensor(fill_value), _float(dtype))


@op
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of `x`."""
    return jnp.zeros_like(as_array(x), dtype=dtype)


@op
def empty_like(x: Any, dtype: Any = None) -> Any:
    """An array in the shape of `x` whose values mean nothing (zeros)."""
    return jnp.zeros_like(as_array(x), dtype=dtype)


@op
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of `x`."""
    return jnp.ones_like(as_array(x), dtype=dtype)


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """`fill_value` in the shape of `x`."""
    return jnp.full_like(as_array(x), fill_value, dtype=dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on the `k`-th diagonal of an (N, M) matrix."""
    return jnp.eye(N, M, k, dtype=_float(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    """The (n, n) identity matrix."""
    return jnp.eye(n, dtype=_float(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones at and below the `k`-th diagonal."""
    return jnp.tri(N, M, k, dtype=_float(dtype))


@op
def tril(x: Any, k: int = 0) -> Any:
    """`x` with zeros above the `k`-th diagonal."""
    return jnp.tril(as_array(x), k)


@op
def triu(x: Any, k: int = 0) -> Any:
    """`x` with zeros below the `k`-th diagonal."""
    return jnp.triu(as_array(x), k)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Numbers from `start` to before `stop`, `step` apart."""
    if dtype is None:
        whole = all(v is None or isinstance(v, (int, np.integer)) for v in (start, stop, step))
        dtype = "int32" if whole else floatx()
    return jnp.arange(start, stop, step, dtype=standardize_dtype(dtype))


@op
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`."""
    return jnp.linspace(as_float(start), as_float(stop), num, endpoint, retstep, dtype, axis)


@op
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers evenly spaced on a logarithmic scale."""
    return jnp.logspace(as_float(start), as_float(stop), num, endpoint, base, dtype, axis)


@op
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before."""
    return jnp.geomspace(as_float(start), as_float(stop), num, endpoint, dtype, axis)


@op
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Coordinate grids from vectors."""
    return jnp.meshgrid(*(as_array(v) for v in x), indexing=indexing)
