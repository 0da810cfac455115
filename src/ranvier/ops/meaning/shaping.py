"""Elements moved, repeated, cut off or put around."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..recording import named

__all__ = [
    "crop", "flatten", "flip", "repeat_vector", "reshape", "row", "split", "times_mask", "transpose", "upsample", "zero_pad",
]  # fmt: skip


@named
def flatten(inputs: Any, data_format: str = "channels_last") -> Any:
    """The elements of each sample in a row, channels last."""
    if data_format == "channels_first" and inputs.ndim > 2:
        inputs = jnp.moveaxis(inputs, 1, -1)
    return inputs.reshape(inputs.shape[0], math.prod(inputs.shape[1:]))


@named
def reshape(inputs: Any, target_shape: tuple[int, ...]) -> Any:
    """The elements of each sample in another shape, given without the batch axis; −1 is what is left."""
    return inputs.reshape(inputs.shape[0], *target_shape)


@named
def transpose(x: Any, axes: tuple[int, ...]) -> Any:
    """The axes in another order."""
    return jnp.transpose(x, axes)


@named
def flip(x: Any, axis: int) -> Any:
    """Backwards along an axis."""
    return jnp.flip(x, axis)


@named
def split(x: Any, count: int, axis: int = -1) -> list[Any]:
    """So many equal parts along an axis."""
    return jnp.split(x, count, axis=axis)


@named
def row(x: Any, index: int) -> Any:
    """One of the rows of x."""
    return x[index]


@named
def times_mask(x: Any, mask: Any) -> Any:
    """x, (..., features), times 1 where the mask, (...), is True and 0 elsewhere."""
    return x * mask[..., None].astype(x.dtype)


@named
def repeat_vector(inputs: Any, n: int) -> Any:
    """Each vector `n` times along a new axis after the batch's."""
    return jnp.repeat(inputs[:, None, :], n, axis=1)


@named
def upsample(inputs: Any, size: Sequence[int], first_axis: int = 1, method: str | None = None) -> Any:
    """Larger maps.

    Args:
        inputs: any shape.
        size: by how much each of the axes from `first_axis` on grows.
        first_axis: the first of them.
        method: of `jax.image.resize`; None: each element is repeated.
    """
    if method is None:
        for axis, times in enumerate(size, first_axis):
            inputs = jnp.repeat(inputs, times, axis=axis)
        return inputs
    shape = list(inputs.shape)
    for axis, times in enumerate(size, first_axis):
        shape[axis] *= times
    return jax.image.resize(inputs, shape, method)


@named
def zero_pad(inputs: Any, padding: Sequence[tuple[int, int]], first_axis: int = 1) -> Any:
    """Zeros before and after, so many of each as the pairs say, along the axes from `first_axis` on."""
    width = [(0, 0)] * inputs.ndim
    width[first_axis : first_axis + len(padding)] = padding
    return jnp.pad(inputs, width)


@named
def crop(inputs: Any, cropping: Sequence[tuple[int, int]], first_axis: int = 1) -> Any:
    """Without the first and last elements, so many as the pairs say, of the axes from `first_axis` on."""
    index = [slice(None)] * inputs.ndim
    for axis, (before, after) in enumerate(cropping, first_axis):
        index[axis] = slice(before, inputs.shape[axis] - after)
    return inputs[tuple(index)]
