"""Weights of samples: how they are spread over the values that they weigh."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..core.errors import ShapeError
from ..ops.tensors import tensor

__all__ = ["fit_rank", "masked", "spread"]


def fit_rank(weight: Any, shape: tuple[int, ...], what: str = "the values") -> Any:
    """`weight` with as many axes as `shape`, its own axes being the first ones (or a scalar as it is).

    Raises:
        ShapeError: it does not broadcast to `shape`.
    """
    if weight.ndim == len(shape) + 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    if 0 < weight.ndim < len(shape):
        weight = weight.reshape(*weight.shape, *[1] * (len(shape) - weight.ndim))
    if weight.ndim > len(shape) or any(w not in (1, s) for w, s in zip(weight.shape, shape, strict=False)):
        raise ShapeError(
            f"sample_weight of shape {weight.shape} does not fit {what}, of shape {shape}. Give one weight for each "
            "sample, or one for each value."
        )
    return weight


def spread(sample_weight: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """The weights broadcast to `shape`; ones for None."""
    if sample_weight is None:
        return jnp.ones(shape, dtype)
    return jnp.broadcast_to(fit_rank(jnp.asarray(tensor(sample_weight), dtype), shape), shape)


def masked(sample_weight: Any, mask: Any, dtype: Any) -> Any:
    """Weights times a mask; either may be None."""
    if mask is None:
        return sample_weight
    mask = jnp.asarray(tensor(mask), dtype)
    if sample_weight is None:
        return mask
    weight = jnp.asarray(tensor(sample_weight), dtype)
    if weight.ndim > mask.ndim:
        return weight * fit_rank(mask, weight.shape, "sample_weight")
    return mask * fit_rank(weight, mask.shape, "the mask")
