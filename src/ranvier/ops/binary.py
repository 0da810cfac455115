"""Elementwise functions of two tensors, and products."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .products import rows_product
from .symbolic import op
from .tensors import as_float, tensor

__all__ = [
    "add", "arctan2", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "cdist", "divide", "divide_no_nan", "dot", "equal", "floor_divide", "fmax", "fmin", "fmod", "gcd",
    "greater", "greater_equal", "heaviside", "hypot", "inner", "kron", "lcm", "ldexp", "left_shift", "less",
    "less_equal", "logaddexp", "logaddexp2", "logical_and", "logical_or", "logical_xor", "matmul", "maximum",
    "minimum", "mod", "multiply", "nextafter", "not_equal", "outer", "polar", "power", "right_shift",
    "subtract", "true_divide", "vdot",
]  # fmt: skip


def _floats(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Both as they are if their arithmetic is that of floats, else as `floatx()`, whatever JAX's 64-bit mode."""
    x1, x2 = tensor(x1), tensor(x2)
    if jnp.issubdtype(jnp.result_type(x1, x2), jnp.inexact):
        return x1, x2
    return as_float(x1), as_float(x2)


@op
def add(x1: Any, x2: Any) -> Any:
    """The sum: `x1` with `x2`, element by element, broadcast."""
    return jnp.add(tensor(x1), tensor(x2))


@op
def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of (x2, x1): `x1` with `x2`, element by element, broadcast."""
    return jnp.arctan2(*_floats(x1, x2))


@op
def bitwise_and(x: Any, y: Any) -> Any:
    """Bitwise and: `x` with `y`, element by element, broadcast."""
    return jnp.bitwise_and(tensor(x), tensor(y))


@op
def bitwise_or(x: Any, y: Any) -> Any:
    """Bitwise or: `x` with `y`, element by element, broadcast."""
    return jnp.bitwise_or(tensor(x), tensor(y))


@op
def bitwise_xor(x: Any, y: Any) -> Any:
    """Bitwise exclusive or: `x` with `y`, element by element, broadcast."""
    return jnp.bitwise_xor(tensor(x), tensor(y))


@op
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """The bits shifted left: `x` with `y`, element by element, broadcast."""
    return jnp.left_shift(tensor(x), tensor(y))


@op
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """The bits shifted right: `x` with `y`, element by element, broadcast."""
    return jnp.right_shift(tensor(x), tensor(y))


@op
def left_shift(x: Any, y: Any) -> Any:
    """The bits shifted left: `x` with `y`, element by element, broadcast."""
    return jnp.left_shift(tensor(x), tensor(y))


@op
def right_shift(x: Any, y: Any) -> Any:
    """The bits shifted right: `x` with `y`, element by element, broadcast."""
    return jnp.right_shift(tensor(x), tensor(y))


@op
def divide(x1: Any, x2: Any) -> Any:
    """The quotient: `x1` with `x2`, element by element, broadcast."""
    return jnp.divide(*_floats(x1, x2))


@op
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """The quotient, 0 where the divisor is 0."""
    x1, x2 = _floats(x1, x2)
    zero = jnp.equal(x2, 0)
    return jnp.where(zero, 0, jnp.divide(x1, jnp.where(zero, 1, x2)))


@op
def cdist(x: Any, y: Any) -> Any:
    """The Euclidean distances between rows: (…, n, d) and (…, m, d) → (…, n, m)."""
    x, y = as_float(x), as_float(y)
    squares = jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1)
    apart = squares > 0  # the root has no finite gradient at 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squares, 1)), 0)


@op
def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers from their size and their angle in radians."""
    return lax.complex(as_float(abs_) * jnp.cos(as_float(angle)), as_float(abs_) * jnp.sin(as_float(angle)))


@op
def true_divide(x1: Any, x2: Any) -> Any:
    """The quotient: `x1` with `x2`, element by element, broadcast."""
    return jnp.true_divide(*_floats(x1, x2))


@op
def equal(x1: Any, x2: Any) -> Any:
    """Whether equal: `x1` with `x2`, element by element, broadcast."""
    return jnp.equal(tensor(x1), tensor(x2))


@op
def floor_divide(x1: Any, x2: Any) -> Any:
    """The quotient rounded down: `x1` with `x2`, element by element, broadcast."""
    return jnp.floor_divide(tensor(x1), tensor(x2))


@op
def fmax(x1: Any, x2: Any) -> Any:
    """The larger, ignoring NaN: `x1` with `x2`, element by element, broadcast."""
    return jnp.fmax(tensor(x1), tensor(x2))


@op
def fmin(x1: Any, x2: Any) -> Any:
    """The smaller, ignoring NaN: `x1` with `x2`, element by element, broadcast."""
    return jnp.fmin(tensor(x1), tensor(x2))


@op
def fmod(x1: Any, x2: Any) -> Any:
    """The remainder with the sign of x1: `x1` with `x2`, element by element, broadcast."""
    return jnp.fmod(tensor(x1), tensor(x2))


@op
def gcd(x1: Any, x2: Any) -> Any:
    """The greatest common divisor: `x1` with `x2`, element by element, broadcast."""
    return jnp.gcd(tensor(x1), tensor(x2))


@op
def lcm(x1: Any, x2: Any) -> Any:
    """The least common multiple: `x1` with `x2`, element by element, broadcast."""
    return jnp.lcm(tensor(x1), tensor(x2))


@op
def greater(x1: Any, x2: Any) -> Any:
    """Whether greater: `x1` with `x2`, element by element, broadcast."""
    return jnp.greater(tensor(x1), tensor(x2))


@op
def greater_equal(x1: Any, x2: Any) -> Any:
    """Whether greater or equal: `x1` with `x2`, element by element, broadcast."""
    return jnp.greater_equal(tensor(x1), tensor(x2))


@op
def heaviside(x1: Any, x2: Any) -> Any:
    """The step function: `x1` with `x2`, element by element, broadcast."""
    return jnp.heaviside(tensor(x1), tensor(x2))


@op
def hypot(x1: Any, x2: Any) -> Any:
    """The hypotenuse: `x1` with `x2`, element by element, broadcast."""
    return jnp.hypot(*_floats(x1, x2))


@op
def kron(x1: Any, x2: Any) -> Any:
    """The Kronecker product of `x1` and `x2`."""
    return jnp.kron(tensor(x1), tensor(x2))


@op
def ldexp(x1: Any, x2: Any) -> Any:
    """``x1 · 2**x2``: `x1` with `x2`, element by element, broadcast."""
    return jnp.ldexp(tensor(x1), tensor(x2))


@op
def less(x1: Any, x2: Any) -> Any:
    """Whether less: `x1` with `x2`, element by element, broadcast."""
    return jnp.less(tensor(x1), tensor(x2))


@op
def less_equal(x1: Any, x2: Any) -> Any:
    """Whether less or equal: `x1` with `x2`, element by element, broadcast."""
    return jnp.less_equal(tensor(x1), tensor(x2))


@op
def logaddexp(x1: Any, x2: Any) -> Any:
    """``log(exp(x1) + exp(x2))``: `x1` with `x2`, element by element, broadcast."""
    return jnp.logaddexp(*_floats(x1, x2))


@op
def logaddexp2(x1: Any, x2: Any) -> Any:
    """``log2(2**x1 + 2**x2)``: `x1` with `x2`, element by element, broadcast."""
    return jnp.logaddexp2(*_floats(x1, x2))


@op
def logical_and(x1: Any, x2: Any) -> Any:
    """And: `x1` with `x2`, element by element, broadcast."""
    return jnp.logical_and(tensor(x1), tensor(x2))


@op
def logical_or(x1: Any, x2: Any) -> Any:
    """Or: `x1` with `x2`, element by element, broadcast."""
    return jnp.logical_or(tensor(x1), tensor(x2))


@op
def logical_xor(x1: Any, x2: Any) -> Any:
    """Exclusive or: `x1` with `x2`, element by element, broadcast."""
    return jnp.logical_xor(tensor(x1), tensor(x2))


@op
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product of `x1` and `x2`; bytes are summed in int32."""
    x1, x2 = tensor(x1), tensor(x2)
    bytes_only = jnp.result_type(x1) == jnp.result_type(x2) == jnp.int8
    if jnp.ndim(x1) > 2 == jnp.ndim(x2) and x1.shape[-1] == x2.shape[0] and not bytes_only:
        return rows_product(x1, x2)  # its gradients are faster
    return jnp.matmul(x1, x2, preferred_element_type="int32" if bytes_only else None)


@op
def maximum(x1: Any, x2: Any) -> Any:
    """The larger: `x1` with `x2`, element by element, broadcast."""
    return jnp.maximum(tensor(x1), tensor(x2))


@op
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller: `x1` with `x2`, element by element, broadcast."""
    return jnp.minimum(tensor(x1), tensor(x2))


@op
def mod(x1: Any, x2: Any) -> Any:
    """The remainder with the sign of x2: `x1` with `x2`, element by element, broadcast."""
    return jnp.mod(tensor(x1), tensor(x2))


@op
def multiply(x1: Any, x2: Any) -> Any:
    """The product: `x1` with `x2`, element by element, broadcast."""
    return jnp.multiply(tensor(x1), tensor(x2))


@op
def nextafter(x1: Any, x2: Any) -> Any:
    """The next number from x1 towards x2: `x1` with `x2`, element by element, broadcast."""
    return jnp.nextafter(tensor(x1), tensor(x2))


@op
def not_equal(x1: Any, x2: Any) -> Any:
    """Whether different: `x1` with `x2`, element by element, broadcast."""
    return jnp.not_equal(tensor(x1), tensor(x2))


@op
def outer(x1: Any, x2: Any) -> Any:
    """The outer product of `x1` and `x2`."""
    return jnp.outer(tensor(x1), tensor(x2))


@op
def power(x1: Any, x2: Any) -> Any:
    """x1 to the power of x2: `x1` with `x2`, element by element, broadcast."""
    return jnp.power(tensor(x1), tensor(x2))


@op
def subtract(x1: Any, x2: Any) -> Any:
    """The difference: `x1` with `x2`, element by element, broadcast."""
    return jnp.subtract(tensor(x1), tensor(x2))


@op
def vdot(x1: Any, x2: Any) -> Any:
    """The dot product of the flattened tensors of `x1` and `x2`."""
    return jnp.vdot(tensor(x1), tensor(x2))


@op
def inner(x1: Any, x2: Any) -> Any:
    """The inner product over the last axes of `x1` and `x2`."""
    return jnp.inner(tensor(x1), tensor(x2))


@op
def dot(x1: Any, x2: Any) -> Any:
    """The dot product of `x1` and `x2`."""
    return jnp.dot(tensor(x1), tensor(x2))
