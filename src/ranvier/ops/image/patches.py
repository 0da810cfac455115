"""Patches of images and volumes, each laid out as the channels of one place."""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError, ShapeError
from ...core.settings import standardize_data_format
from ..symbolic import op
from ..tensors import as_array
from .layout import check_choice

__all__ = ["extract_patches", "extract_patches_3d"]


@op
def extract_patches(
    images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """The patches of images (of volumes, if `size` has three numbers).

    Args:
        images: (height, width, channels) or a batch.
        size: the patches' height and width, or one number for both.
        strides: steps between patches; None: `size`, so that patches touch.
        dilation_rate: steps between the pixels of a patch.
        padding: ``"valid"``: patches within the image; ``"same"``: zeros around it, a patch for each step.
        data_format: where the channels are.

    Returns:
        (batch, rows, columns, height · width · channels): a patch's pixels row by row, their channels together.

    >>> import numpy as np
    >>> extract_patches(np.arange(16.0).reshape(4, 4, 1), 2)[0, 1].tolist()
    [2.0, 3.0, 6.0, 7.0]
    """
    rank = 3 if isinstance(size, (tuple, list)) and len(size) == 3 else 2
    return _patches(images, size, strides, dilation_rate, padding, data_format, rank)


@op
def extract_patches_3d(
    volumes: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """The patches of volumes.

    Args:
        volumes: (depth, height, width, channels) or a batch.
        size: the patches' three sizes, or one number for all.
        strides, dilation_rate, padding, data_format: as in `extract_patches`.

    Returns:
        (batch, slices, rows, columns, depth · height · width · channels).
    """
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _patches(x: Any, size: Any, strides: Any, dilation_rate: Any, padding: str, data_format: Any, rank: int) -> Any:
    x = as_array(x)
    if x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(f"patches of {rank} sizes need inputs of rank {rank + 1} or {rank + 2}. Received: {x.shape}")
    sizes = _numbers("size", size, rank)
    steps = sizes if strides is None else _numbers("strides", strides, rank)
    dilations = _numbers("dilation_rate", dilation_rate, rank)
    check_choice("padding", padding, ("valid", "same"))
    first = standardize_data_format(data_format) == "channels_first"
    single = x.ndim == rank + 1
    x = x[None] if single else x
    x = jnp.moveaxis(x, 1, -1) if first else x
    reach = [(k - 1) * d + 1 for k, d in zip(sizes, dilations, strict=True)]
    if padding == "same":
        missing = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[1:-1], steps, reach, strict=True)]
        x = jnp.pad(x, ((0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)))
    counts = [(n - r) // s + 1 for n, s, r in zip(x.shape[1:-1], steps, reach, strict=True)]
    if min(counts) < 1:
        raise ShapeError(f"no patch of reach {tuple(reach)} fits into inputs of sizes {x.shape[1:-1]}.")
    # One strided slice for each pixel of a patch.
    pixels = [
        x[(slice(None), *(slice(o * d, o * d + (c - 1) * s + 1, s)
                          for o, d, c, s in zip(offset, dilations, counts, steps, strict=True)))]
        for offset in itertools.product(*(range(k) for k in sizes))
    ]  # fmt: skip
    result = jnp.concatenate(pixels, axis=-1)
    result = jnp.moveaxis(result, -1, 1) if first else result
    return result[0] if single else result


def _numbers(name: str, value: Any, rank: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank or any(isinstance(v, bool) or not isinstance(v, int) or v < 1 for v in values):
        raise ArgumentError(f"{name} must be a positive integer or {rank} of them. Received: {name}={value!r}")
    return values
