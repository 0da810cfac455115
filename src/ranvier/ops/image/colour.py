"""Colour spaces: grey values, and hue, saturation and value."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.errors import ArgumentError, ShapeError
from ..symbolic import op
from .layout import batched, working_dtype

__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]

# The luma of ITU-R BT.601, to four digits.
_LUMA = np.array([0.2989, 0.5870, 0.1140])


def _colours(images: Any, data_format: str | None, floats: bool = True) -> tuple[Any, Any]:
    x, back = batched(images, data_format)
    if x.shape[-1] != 3:
        raise ShapeError(f"images must have the 3 channels of a colour space. Received: {x.shape[-1]} channels")
    if floats and not jnp.issubdtype(x.dtype, jnp.floating):
        raise ArgumentError(f"images must be floats from 0 to 1. Received: dtype {x.dtype}; divide bytes by 255.0")
    return x, back


@op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Grey values, 0.2989 R + 0.5870 G + 0.1140 B (ITU-R BT.601).

    Args:
        images: (height, width, 3), or a batch; any dtype, which the result keeps.
        data_format: where the channels are.

    Returns:
        Images with one channel.

    >>> import numpy as np
    >>> rgb_to_grayscale(np.array([[[255, 0, 0]]], "uint8")).tolist()
    [[[76]]]
    """
    x, back = _colours(images, data_format, floats=False)
    if x.shape[-1] != 3:
        raise ShapeError(f"images must have 3 channels. Received: {x.shape[-1]}")
    dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else working_dtype(x)
    grey = jnp.sum(x.astype(dtype) * jnp.asarray(_LUMA, dtype), axis=-1, keepdims=True)
    return back(grey.astype(x.dtype))


@op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value of colours: Smith, 1978, *Color Gamut Transform Pairs*.

    Args:
        images: floats from 0 to 1, (height, width, 3) or a batch.
        data_format: where the channels are.

    Returns:
        Images of the same shape; all three channels from 0 to 1, a full turn of hue being 1.

    >>> import numpy as np
    >>> rgb_to_hsv(np.array([[[0.0, 0.5, 0.0]]], "float32")).round(3).tolist()
    [[[0.3330000042915344, 1.0, 0.5]]]
    """
    x, back = _colours(images, data_format)
    red, green, blue = x[..., 0], x[..., 1], x[..., 2]
    value = jnp.max(x, axis=-1)
    spread = value - jnp.min(x, axis=-1)
    divisor = jnp.where(spread > 0, spread, jnp.ones((), x.dtype))
    # Channels are compared with each other, not with `value`: a compiler that computes them twice may round differently.
    hue = jnp.where(
        (red >= green) & (red >= blue),
        (green - blue) / divisor,
        jnp.where(green >= blue, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    hue = jnp.where(spread > 0, jnp.mod(hue / 6, 1), jnp.zeros((), x.dtype))
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, jnp.ones((), x.dtype)), 0)
    return back(jnp.stack([hue, saturation, value], axis=-1).astype(x.dtype))


@op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue from hue, saturation and value, all from 0 to 1: the inverse of `rgb_to_hsv`.

    Args:
        images: floats, (height, width, 3) or a batch.
        data_format: where the channels are.

    Returns:
        Images of the same shape.
    """
    x, back = _colours(images, data_format)
    hue, saturation, value = x[..., 0:1], x[..., 1:2], x[..., 2:3]
    # How far each colour is on, along six sixths of the circle: 1 within a sixth of its own hue, 0 beyond two.
    sixths = hue * 6
    share = jnp.concatenate([jnp.abs(sixths - 3) - 1, 2 - jnp.abs(sixths - 2), 2 - jnp.abs(sixths - 4)], axis=-1).clip(
        0, 1
    )
    return back(((1 - saturation + saturation * share) * value).astype(x.dtype))
