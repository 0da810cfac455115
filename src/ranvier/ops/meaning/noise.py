"""What disturbs inputs in training, from a seed of two words."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core.random import keep_mask
from ..recording import named

__all__ = ["alpha_dropout", "dropout", "gaussian_dropout", "gaussian_noise"]

_LOW = -1.7580993408473766  # what SELU tends to far to the left


@named
def dropout(inputs: Any, seed: Any, rate: float, mask_shape: tuple[int, ...] | None = None) -> Any:
    """Each element set to 0 with probability `rate`, the rest scaled by 1 / (1 − rate).

    Args:
        inputs: any shape.
        seed: two words.
        rate: the fraction that is dropped.
        mask_shape: the shape of the mask, 1 where elements fall together; None: the inputs'.
    """
    kept = keep_mask(seed, 1 - rate, inputs.shape if mask_shape is None else mask_shape)
    return jnp.where(kept, inputs / (1 - rate), jnp.zeros((), inputs.dtype))


@named
def gaussian_noise(inputs: Any, seed: Any, stddev: float) -> Any:
    """The inputs with normal noise added."""
    return inputs + stddev * jax.random.normal(seed, inputs.shape, inputs.dtype)


@named
def gaussian_dropout(inputs: Any, seed: Any, rate: float) -> Any:
    """The inputs times normal noise around 1, of the variance rate / (1 − rate)."""
    noise = jax.random.normal(seed, inputs.shape, inputs.dtype)
    return inputs * (1 + (rate / (1 - rate)) ** 0.5 * noise)


@named
def alpha_dropout(inputs: Any, seed: Any, rate: float, mask_shape: tuple[int, ...]) -> Any:
    """Dropout that keeps mean 0 and variance 1 of inputs that have them: Klambauer et al., 2017."""
    kept = keep_mask(seed, 1 - rate, mask_shape)
    a = ((1 - rate) * (1 + rate * _LOW**2)) ** -0.5
    return a * jnp.where(kept, inputs, jnp.asarray(_LOW, inputs.dtype)) - a * _LOW * rate
