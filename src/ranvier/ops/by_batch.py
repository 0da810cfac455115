"""Normalisation by the batch's statistics with a gradient of its own, by compiled kernels where they are installed.

The statistics take one pass over memory, and so does each half of the gradient: the sums first, then the slopes. A ReLU
or a leaky one that follows is taken into the same passes.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .compiled import kernel_usable
from .fused import Fused
from .lowering import platform_for
from .origins import note, origin_of

__all__ = ["after_normalization", "batch_kernels_apply", "normalize_by_batch"]

_LEAST = 1 << 14  # numbers; for fewer a call of a kernel costs more than it saves


def batch_kernels_apply(x: Any, epsilon: Any) -> bool:
    """Whether the kernels are there and made for x (..., channels) and ε; the one place that decides."""
    # The kernels know numbers: no traced ε, no symbolic sizes.
    suited = platform_for(x.shape) == "cpu" and x.dtype == "float32" and x.ndim > 1 and isinstance(epsilon, float)
    return suited and x.shape[-1] >= 8 and x.size >= _LEAST and kernel_usable("moments")


def normalize_by_batch(x: Any, scale: Any, shift: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """(x − mean) / √(variance + ε) · scale + shift, the mean and the variance of each channel; these without gradients.

    Args:
        x: (..., channels).
        scale, shift: (channels,).
        epsilon: ε.
    """
    still = lax.stop_gradient(x.reshape(-1, x.shape[-1]))
    mean, variance = _moments(still)
    y = _normalized(x, scale, shift, mean, variance, epsilon, 1.0)
    return note(y, "normalize_by_batch", x, scale, shift, mean, variance, epsilon), mean, variance


def after_normalization(x: Any, slope: float) -> Any:
    """x where positive, else slope · x, if x was normalised by the batch: from before that. Else None."""
    start = origin_of(x, "normalize_by_batch")
    return None if start is None else _normalized(*start, slope=slope)


def _normalized(x: Any, scale: Any, shift: Any, mean: Any, variance: Any, epsilon: float, slope: float) -> Any:
    flat = x.reshape(-1, x.shape[-1])
    return _normalize(flat, scale, shift, mean, variance, epsilon=float(epsilon), slope=float(slope))[0].reshape(
        x.shape
    )


def _moments_of(x: Any) -> tuple[Any, Any]:
    mean = jnp.mean(x, 0)
    return mean, jnp.mean(jnp.square(x - mean), 0)


def _moments_backward(operands: Any, saved: Any, slopes: Any) -> tuple[Any]:
    (x,), (of_mean, of_variance) = operands, slopes
    return ((of_mean + 2 * of_variance * (x - jnp.mean(x, 0))) / x.shape[0],)


def _moments_kernel(x: Any) -> Any:
    column = jax.ShapeDtypeStruct(x.shape[1:], x.dtype)
    return jax.ffi.ffi_call("ranvier_moments", (column, column))(x)


def _activated(z: Any, slope: float) -> Any:
    return z if slope == 1 else jax.nn.relu(z) if slope == 0 else jax.nn.leaky_relu(z, slope)


def _meaning(x: Any, scale: Any, shift: Any, *_: Any, epsilon: float, slope: float) -> Any:
    return _by_moments(x, scale, shift, *_moments_of(x), epsilon=epsilon, slope=slope)


def _by_moments(x: Any, scale: Any, shift: Any, mean: Any, variance: Any, *, epsilon: float, slope: float) -> Any:
    factor = lax.rsqrt(variance + epsilon) * scale
    return (_activated(x * factor + (shift - mean * factor), slope),)


def _backward(operands: Any, saved: Any, slopes: Any, *, epsilon: float, slope: float) -> Any:
    (x, scale, shift, mean, variance), (given,) = operands, slopes
    inverse = lax.rsqrt(variance + epsilon)
    normal = (x - mean) * inverse
    (given,) = jax.vjp(lambda z: _activated(z, slope), normal * scale + shift)[1](given)
    first, second = jnp.sum(given, 0), jnp.sum(given * normal, 0)
    return (given - (first + normal * second) / x.shape[0]) * (scale * inverse), second, first


def _backward_kernel(operands: Any, saved: Any, slopes: Any, *, epsilon: float, slope: float) -> Any:
    made = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in operands[:3]]
    call = jax.ffi.ffi_call("ranvier_batch_gradient", made)
    return call(*operands, *slopes, epsilon=np.float32(epsilon), slope=np.float32(slope))


_moments = Fused("moments", _moments_of, _moments_of, _moments_backward, 1, lambda: 2, _moments_kernel)
# The moments are a hint, which the meaning does without. Values are by XLA, which takes what follows into the same loop.
_normalize = Fused(
    "batch_gradient", _meaning, _meaning, _backward, 3, lambda epsilon, slope: 1, _by_moments, _backward_kernel
)  # fmt: skip
