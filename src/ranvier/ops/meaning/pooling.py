"""The largest or the mean of whole feature maps."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..recording import named

__all__ = ["global_average_pool", "global_max_pool"]


def _spatial(x: Any, data_format: str) -> tuple[int, ...]:
    return tuple(range(2, x.ndim)) if data_format == "channels_first" else tuple(range(1, x.ndim - 1))


@named
def global_max_pool(inputs: Any, data_format: str = "channels_last", keepdims: bool = False) -> Any:
    """The largest of each channel."""
    return jnp.max(inputs, axis=_spatial(inputs, data_format), keepdims=keepdims)


@named
def global_average_pool(
    inputs: Any, mask: Any = None, data_format: str = "channels_last", keepdims: bool = False
) -> Any:
    """The mean of each channel; with a mask, (batch, time), of the time steps that it keeps."""
    axes = _spatial(inputs, data_format)
    if mask is None:
        return jnp.mean(inputs, axis=axes, keepdims=keepdims)
    weight = jnp.asarray(mask, inputs.dtype)
    weight = weight[:, None, :] if data_format == "channels_first" else weight[:, :, None]
    wide = jnp.promote_types(inputs.dtype, "float32")  # which holds the sum where 16 bits do not
    total = jnp.sum(inputs * weight, axis=axes, keepdims=keepdims, dtype=wide)
    return (total / jnp.sum(weight, axis=axes, keepdims=keepdims, dtype=wide)).astype(inputs.dtype)
