"""Normalisations, and the statistics that they use."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .. import nn_functions
from ..recording import named

__all__ = [
    "along", "batch_moments", "batch_normalization", "group_normalization", "moving_average", "renormalization",
    "variance_scaling",
]  # fmt: skip


def along(vector: Any, x: Any, axis: int) -> Any:
    """`vector` as an array that lies along one axis of x and broadcasts along the others."""
    shape = [1] * x.ndim
    shape[axis] = -1
    return jnp.reshape(vector, shape)


@named
def batch_moments(x: Any, mask: Any = None, axis: int = -1) -> tuple[Any, Any]:
    """Mean and variance of each channel over the batch.

    Args:
        x: any shape.
        mask: what counts, of x's first axes; None: everything.
        axis: the axis of the channels.
    """
    axes = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    if mask is None:
        return nn_functions.moments(x, axes)
    weight = jnp.asarray(mask, x.dtype)
    while weight.ndim < x.ndim:
        weight = weight[..., None]
    weight = jnp.broadcast_to(weight, [1 if i == axis % x.ndim else s for i, s in enumerate(x.shape)])
    count = jnp.sum(weight)
    safe = jnp.maximum(count, 1e-7)
    mean = jnp.sum(x * weight, axes) / safe
    variance = jnp.sum(jnp.square(x - along(mean, x, axis)) * weight, axes) / safe
    return mean, variance


@named
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    gamma: Any = None,
    beta: Any = None,
    r: Any = None,
    d: Any = None,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Any:
    """γ (x − mean) / √(variance + ε) + β, the vectors lying along `axis`; with r and d the correction of `renormalization`."""
    factor = lax.rsqrt(variance + epsilon)  # (channels,)
    offset = -mean * factor
    if r is not None and d is not None:
        factor, offset = factor * r, offset * r + d
    if gamma is not None:
        factor, offset = factor * gamma, offset * gamma
    if beta is not None:
        offset = offset + beta
    return x * along(factor, x, axis) + along(offset, x, axis)


@named
def moving_average(moving: Any, now: Any, momentum: float) -> Any:
    """A moving average brought nearer to the present value, which gets no gradient."""
    return moving * momentum + lax.stop_gradient(now) * (1 - momentum)


@named
def renormalization(
    mean: Any,
    deviation: Any,
    aimed_mean: Any,
    aimed_deviation: Any,
    rmin: Any = None,
    rmax: Any = None,
    dmax: Any = None,
) -> tuple[Any, Any]:
    """The correction (r, d) that brings the batch's statistics near the moving ones: Ioffe, 2017, algorithm 1."""
    r, d = deviation / aimed_deviation, (mean - aimed_mean) / aimed_deviation
    r = jnp.clip(r, rmin, rmax)
    if dmax is not None:
        d = jnp.clip(d, -dmax, dmax)
    return lax.stop_gradient(r), lax.stop_gradient(d)


@named
def group_normalization(
    x: Any, gamma: Any = None, beta: Any = None, groups: int = 32, axis: int = -1, epsilon: float = 1e-3
) -> Any:
    """Each sample normalised over groups of neighbouring channels: Wu & He, 2018, equation 1."""
    axis, shape = axis % x.ndim, x.shape
    x = x.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :])
    reduced = tuple(i for i in range(1, x.ndim) if i != axis)
    mean, variance = nn_functions.moments(x, reduced, keepdims=True)
    x = ((x - mean) * lax.rsqrt(variance + epsilon)).reshape(shape)
    if gamma is not None:
        x = x * along(gamma, x, axis)
    if beta is not None:
        x = x + along(beta, x, axis)
    return x


@named
def variance_scaling(x: Any, gamma: Any = None, axes: tuple[int, ...] = (-1,), epsilon: float = 1e-3) -> Any:
    """γ x / √(σ² + ε): over the deviation of each sample, no mean taken off."""
    y = x * lax.rsqrt(jnp.var(x, axis=axes, keepdims=True) + epsilon)
    if gamma is None:
        return y
    shape = [1] * x.ndim
    for a in axes:
        shape[a] = x.shape[a]
    return y * gamma.reshape(shape)
