"""Functions of ``keras.backend`` that compute: elementwise, reductions, comparisons, products.

They take numbers, arrays, variables and symbolic tensors. Where nothing differs from `ops` but the name, the function of
`ops` itself is given.
"""

from __future__ import annotations

import builtins
import string
from typing import Any

from ... import ops
from ...core.dtypes import is_float, standardize_dtype
from ...core.errors import ShapeError
from ...core.settings import floatx

__all__ = [
    "abs", "all", "any", "argmax", "argmin", "batch_dot", "clip", "cos", "cumprod", "cumsum", "dot", "equal", "exp",
    "greater", "greater_equal", "l2_normalize", "less", "less_equal", "log", "logsumexp", "max", "maximum", "mean", "min",
    "minimum", "not_equal", "pow", "prod", "round", "sign", "sin", "sqrt", "square", "std", "sum", "var",
]  # fmt: skip

abs, cos, exp, log, pow, sign, sin, square = (
    ops.absolute, ops.cos, ops.exp, ops.log, ops.power, ops.sign, ops.sin, ops.square,
)  # fmt: skip
equal, not_equal, maximum, minimum = ops.equal, ops.not_equal, ops.maximum, ops.minimum
greater, greater_equal, less, less_equal = ops.greater, ops.greater_equal, ops.less, ops.less_equal
max, min, prod, sum, logsumexp = ops.max, ops.min, ops.prod, ops.sum, ops.logsumexp


def round(x: Any) -> Any:
    """`x` to the nearest whole number, halves to the even one."""
    return ops.round(x)


def sqrt(x: Any) -> Any:
    """The square root, of what is negative 0.

    >>> sqrt([-4.0, 9.0]).tolist()
    [0.0, 3.0]
    """
    x = ops.convert_to_tensor(x)
    return ops.sqrt(ops.maximum(x, ops.cast(0, x.dtype)))


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """`x` kept between two bounds, None for none; where they cross, the lower one is the upper one, too."""
    low = -float("inf") if min_value is None else min_value
    high = float("inf") if max_value is None else max_value
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and high < low:
        high = low
    return ops.minimum(ops.maximum(x, low), high)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over `axis`; of booleans the share that is true."""
    return ops.mean(_with_fractions(x), axis, keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance over `axis`."""
    return ops.var(_with_fractions(x), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation over `axis`."""
    return ops.std(_with_fractions(x), axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all are true."""
    return ops.all(ops.cast(x, "bool"), axis, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether one is true."""
    return ops.any(ops.cast(x, "bool"), axis, keepdims)


def argmax(x: Any, axis: int = -1) -> Any:
    """The place of the largest along `axis`."""
    return ops.argmax(x, axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """The place of the smallest along `axis`."""
    return ops.argmin(x, axis)


def cumsum(x: Any, axis: int = 0) -> Any:
    """Sums so far along `axis`."""
    return ops.cumsum(x, axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """Products so far along `axis`."""
    return ops.cumprod(x, axis)


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """`x` divided by its length along `axis`; None: by that of the whole."""
    x = ops.convert_to_tensor(x)
    length = ops.sum(ops.square(x), axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(length, ops.cast(1e-12, x.dtype)))


def dot(x: Any, y: Any) -> Any:
    """The product of matrices; of tensors with more axes, the last of `x` with the last but one of `y`.

    >>> dot(ops.ones((2, 3)), ops.ones((4, 3, 5))).shape
    (2, 4, 5)
    """
    return ops.dot(x, y)


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """For each sample the product of its parts of `x` and `y`, summed along one axis of each.

    Args:
        x, y: (batch, …).
        axes: the axis of `x` and of `y`, or one for both; None: the last of `x` and the last but one of `y`.

    Returns:
        (batch, axes of x without its own, axes of y without its own); (batch, 1) where none are left.

    Raises:
        ShapeError: fewer than two axes, or sizes that differ.

    >>> batch_dot(ops.ones((32, 20)), ops.ones((32, 30, 20)), axes=(1, 2)).shape
    (32, 30)
    """
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    nx, ny = len(x.shape), len(y.shape)
    if builtins.min(nx, ny) < 2:
        raise ShapeError(f"batch_dot needs inputs with at least 2 axes. Received: shapes {x.shape} and {y.shape}")
    if axes is None:
        axes = (nx - 1, ny - 1 if ny == 2 else ny - 2)
    pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
    a, b = (axis % n for axis, n in zip(pair, (nx, ny), strict=True))
    if a == 0 or b == 0:
        raise ShapeError(f"batch_dot sums along an axis that is not the batch's. Received: axes={axes}")
    if None not in (x.shape[a], y.shape[b]) and x.shape[a] != y.shape[b]:
        raise ShapeError(
            f"batch_dot needs equal sizes along axes={axes}. Received: shapes {tuple(x.shape)} and {tuple(y.shape)}"
        )
    letters = iter(string.ascii_lowercase)
    batch, summed = next(letters), next(letters)
    in_x = "".join(batch if i == 0 else summed if i == a else next(letters) for i in range(nx))
    in_y = "".join(batch if i == 0 else summed if i == b else next(letters) for i in range(ny))
    left = batch + "".join(c for c in in_x + in_y if c not in (batch, summed))
    product = ops.einsum(f"{in_x},{in_y}->{left}", x, y)
    return ops.expand_dims(product, 1) if len(left) == 1 else product


def _with_fractions(x: Any) -> Any:
    """`x` as a tensor of a type that has fractions: booleans and integers in `floatx`."""
    x = ops.convert_to_tensor(x)
    return x if is_float(standardize_dtype(x.dtype)) else ops.cast(x, floatx())
