"""One layout for all computations with images, (batch, height, width, channels), and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError, ArgumentTypeError, ShapeError
from ...core.settings import standardize_data_format
from ..tensors import as_array

__all__ = ["batched", "check_choice", "check_rank", "from_floats", "pair", "working_dtype"]


def check_rank(images: Any, name: str = "images") -> Any:
    """`images` as an array, refused unless it is one image or a batch of them."""
    images = as_array(images)
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"{name} must be one image of rank 3 or a batch of rank 4, (batch, height, width, channels). Received: shape "
            f"{tuple(images.shape)}"
        )
    return images


def batched(images: Any, data_format: str | None, name: str = "images") -> tuple[Any, Callable[[Any], Any]]:
    """Images as (batch, height, width, channels), and the function that lays results out as `images` were."""
    images = check_rank(images, name)
    first = standardize_data_format(data_format) == "channels_first"
    single = images.ndim == 3

    def back(x: Any) -> Any:
        x = x[0] if single else x
        return jnp.moveaxis(x, -1, -3) if first else x

    x = jnp.moveaxis(images, -3, -1) if first else images
    return (x[None] if single else x), back


def working_dtype(x: Any) -> Any:
    """The dtype in which numbers like those of `x` are averaged: float32 at least, float64 for float64."""
    return jnp.promote_types(x.dtype, jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) else jnp.float32


def from_floats(x: Any, dtype: Any, half_away: bool = False) -> Any:
    """Computed numbers in `dtype`: whole ones rounded and kept within its limits.

    Args:
        x: floats.
        dtype: the result's.
        half_away: whether halves round away from 0 instead of to the even number.
    """
    if jnp.issubdtype(dtype, jnp.integer):
        info = jnp.iinfo(dtype)
        whole = jnp.trunc(x + jnp.copysign(jnp.asarray(0.5, x.dtype), x)) if half_away else jnp.round(x)
        return jnp.clip(whole, info.min, info.max).astype(dtype)
    return x.astype(dtype)


def check_choice(name: str, value: Any, choices: Any) -> str:
    """`value`, refused unless it is one of `choices`."""
    if value not in choices:
        raise ArgumentError(f"{name} must be one of {', '.join(choices)}. Received: {name}={value!r}")
    return value


def pair(name: str, value: Any, kind: Any = int) -> tuple[Any, Any]:
    """`value`, one number or two, as two of `kind`."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2:
        raise ArgumentError(f"{name} must be one number or two. Received: {name}={value!r}")
    try:
        return kind(both[0]), kind(both[1])
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{name} must be one number or two. Received: {name}={value!r}") from None
