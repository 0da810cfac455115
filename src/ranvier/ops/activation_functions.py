"""The mathematics of activation functions, one definition each."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .by_batch import after_normalization
from .origins import note
from .symbolic import op
from .tensors import as_array, as_float, tensor

__all__ = [
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "swish", "tanh_shrink", "threshold",
]  # fmt: skip

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@op
def linear(x: Any) -> Any:
    """x."""
    return tensor(x)


@op
def relu(x: Any) -> Any:
    """max(x, 0): Nair & Hinton, 2010."""
    x = as_array(x)
    fused = after_normalization(x, 0.0)
    return note(jax.nn.relu(x) if fused is None else fused, "relu", x)


@op
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6)."""
    return jax.nn.relu6(as_float(x))


@op
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(−x)).

    >>> round(float(sigmoid(7.0)), 6)
    0.999089
    """
    return jax.nn.sigmoid(as_float(x))


@op
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)), without underflow."""
    return jax.nn.log_sigmoid(as_float(x))


@op
def silu(x: Any) -> Any:
    """x · sigmoid(x): Elfwing et al., 2018."""
    return jax.nn.silu(as_float(x))


swish = silu


@op
def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6: a sigmoid of straight lines."""
    return jax.nn.hard_sigmoid(as_float(x))


@op
def hard_silu(x: Any) -> Any:
    """x · hard_sigmoid(x): Howard et al., 2019, *MobileNetV3*."""
    return jax.nn.hard_silu(as_float(x))


hard_swish = hard_silu


@op
def hard_tanh(x: Any) -> Any:
    """x cut off below −1 and above 1."""
    return jax.nn.hard_tanh(as_float(x))


@op
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return jax.nn.softplus(as_float(x))


@op
def squareplus(x: Any, b: float = 4) -> Any:
    """(x + √(x² + b)) / 2."""
    return jax.nn.squareplus(as_float(x), b)


@op
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return jax.nn.soft_sign(as_float(x))


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else α(exp(x) − 1): Clevert et al., 2016."""
    return jax.nn.elu(as_float(x), alpha)


@op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else α(exp(x/α) − 1): Barron, 2017."""
    return jax.nn.celu(as_float(x), alpha)


@op
def selu(x: Any) -> Any:
    """An ELU whose outputs keep mean 0 and variance 1: Klambauer et al., 2017."""
    x = as_float(x)
    return _SELU_SCALE * jnp.where(x > 0, x, _SELU_ALPHA * jnp.expm1(jnp.where(x > 0, 0.0, x)))


@op
def gelu(x: Any, approximate: bool = True) -> Any:
    """x · Φ(x), with Φ the normal distribution function (or its tanh approximation): Hendrycks & Gimpel, 2016."""
    return jax.nn.gelu(as_float(x), approximate)


@op
def mish(x: Any) -> Any:
    """x · tanh(softplus(x)): Misra, 2019."""
    return jax.nn.mish(as_float(x))


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, else negative_slope · x: Maas et al., 2013."""
    x = as_float(x)
    fused = after_normalization(x, negative_slope) if isinstance(negative_slope, float) and negative_slope else None
    return jax.nn.leaky_relu(x, negative_slope) if fused is None else fused


@op
def exponential(x: Any) -> Any:
    """exp(x)."""
    return jnp.exp(as_float(x))


@op
def tanh_shrink(x: Any) -> Any:
    """x − tanh(x)."""
    x = as_float(x)
    return x - jnp.tanh(x)


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| exceeds the threshold, else 0."""
    x = as_float(x)
    return jnp.where(jnp.abs(x) > threshold, x, jnp.zeros((), x.dtype))


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by the threshold, 0 within it."""
    x = as_float(x)
    zero = jnp.zeros((), x.dtype)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, zero))


@op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where it exceeds the threshold, else the default value."""
    x = as_float(x)
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


@op
def sparse_plus(x: Any) -> Any:
    """0 up to −1, a parabola up to 1, then x."""
    return jax.nn.sparse_plus(as_float(x))


@op
def sparse_sigmoid(x: Any) -> Any:
    """0 up to −1, a straight line up to 1, then 1."""
    return jax.nn.sparse_sigmoid(as_float(x))


@op
def glu(x: Any, axis: int = -1) -> Any:
    """One half of x times the sigmoid of the other: Dauphin et al., 2017."""
    return jax.nn.glu(as_float(x), axis)


@op
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) over its sum along `axis` (several axes: over all of them together)."""
    x = as_float(x)
    if axis is None:
        return jax.nn.softmax(x.reshape(-1), -1).reshape(x.shape)
    return jax.nn.softmax(x, tuple(axis) if isinstance(axis, (list, tuple)) else axis)


@op
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """log(softmax(x)), without underflow."""
    x = as_float(x)
    if axis is None:
        return jax.nn.log_softmax(x.reshape(-1), -1).reshape(x.shape)
    return jax.nn.log_softmax(x, tuple(axis) if isinstance(axis, (list, tuple)) else axis)


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point of the probability simplex: Martins & Astudillo, 2016."""
    x = jnp.moveaxis(as_float(x), axis, -1)
    descending = -jnp.sort(-x, axis=-1)
    sums = jnp.cumsum(descending, axis=-1)
    count = jnp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    support = jnp.sum(1 + count * descending > sums, axis=-1, keepdims=True)
    tau = (jnp.take_along_axis(sums, support - 1, axis=-1) - 1) / support.astype(x.dtype)
    return jnp.moveaxis(jnp.maximum(x - tau, 0), -1, axis)
