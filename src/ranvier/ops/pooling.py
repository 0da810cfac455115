"""Pooling: the largest or the mean of what a window meets."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.errors import ShapeError
from ..core.settings import standardize_data_format
from .conv_geometry import Window, per_axis, window_of
from .largest import largest, largest_applies
from .symbolic import op
from .tensors import tensor
from .unfused import unfused

__all__ = ["average_pool", "max_pool"]


def _prepare(
    inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None
) -> tuple[Any, Window, bool]:
    x = jnp.asarray(tensor(inputs))
    first = standardize_data_format(data_format) == "channels_first"
    x = jnp.moveaxis(x, 1, -1) if first else x
    rank = x.ndim - 2
    if not 1 <= rank <= 3:
        raise ShapeError(f"Pooling takes inputs with 1 to 3 spatial axes. Received: shape {x.shape}")
    size = per_axis("pool_size", pool_size, rank)
    return x, window_of(x.shape[1:-1], size, size if strides is None else strides, padding, 1, "pool"), first


def _tiles(x: Any, window: Window) -> bool:
    """Whether the windows lie side by side without padding."""
    return window.size == window.strides and not any(map(any, window.padding))


@op
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest of what each window meets; in a tie the first one gets the gradient.

    Args:
        inputs: (batch, *sizes, channels), or channels first.
        pool_size: the window's size, for each axis or for all.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.

    Raises:
        ShapeError: a window larger than the input, or a rank that has no windows.
        ArgumentError: sizes, strides or padding that mean nothing.

    >>> max_pool([[[1.0], [4.0], [3.0], [2.0]]], 2).tolist()
    [[[4.0], [3.0]]]
    """
    x, window, first = _prepare(inputs, pool_size, strides, padding, data_format)
    if largest_applies(x, window):
        y: Any = largest(x, window)
    elif _tiles(x, window) and window.taps <= 16:
        y = _max_of_tiles(x, window.size)
    else:
        y = _reduce_max(x, window)
    return jnp.moveaxis(y, -1, 1) if first else y


def _reduce_max(x: Any, window: Window) -> Any:
    if x.dtype == jnp.bool_:
        lowest: Any = False
    else:
        lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    return lax.reduce_window(
        x,
        np.asarray(lowest, x.dtype),
        lax.max,
        (1, *window.size, 1),
        (1, *window.strides, 1),
        ((0, 0), *window.padding, (0, 0)),
    )


def _parts(x: Any, size: tuple[int, ...]) -> list[Any]:
    """For each place of the window, what it meets in all tiles."""
    out = [n // k for n, k in zip(x.shape[1:-1], size, strict=True)]
    return [
        x[(slice(None), *(slice(t, t + (n - 1) * k + 1, k) for t, n, k in zip(tap, out, size, strict=True)))]
        for tap in itertools.product(*map(range, size))
    ]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_of_tiles(x: Any, size: tuple[int, ...]) -> Any:
    """Windows side by side: the maximum of strided slices, cheaper than `reduce_window` and its gradient on CPUs.

    Its gradient is a rule for reverse mode alone: `jax.jvp` refuses it.
    """
    y, *rest = _parts(x, size)
    for part in rest:
        y = jnp.maximum(y, part)
    return y


def _max_forward(x: Any, size: tuple[int, ...]) -> tuple[Any, Any]:
    y = _max_of_tiles(x, size)
    return y, (x, y)


@partial(jax.jit, static_argnums=0)
def _max_backward(size: tuple[int, ...], saved: Any, gradient: Any) -> tuple[Any]:
    """The gradient goes to the first of the largest elements of each window."""
    x, y = saved
    rank, out, taps = len(size), y.shape[1:-1], math.prod(size)

    def which(x: Any, y: Any) -> Any:
        place = jnp.full(y.shape, taps, jnp.int32)
        for i, part in reversed(list(enumerate(_parts(x, size)))):
            place = jnp.where(part == y, i, place)
        return place

    # What is spread over the windows is computed once for each window before, not once for each of its elements.
    place, gradient = unfused(lambda x, y, gradient: (which(x, y), gradient), x, y, gradient)
    grid = (x.shape[0], *itertools.chain.from_iterable(zip(out, size, strict=True)), x.shape[-1])
    among = tuple(range(2, 2 + 2 * rank, 2))  # the axes of places in windows
    here = np.arange(taps, dtype=np.int32).reshape([n if i in among else 1 for i, n in enumerate(grid)])
    place, gradient = (jnp.expand_dims(a, among) for a in (place, gradient))
    dx = jnp.where(place == here, gradient, jnp.zeros((), gradient.dtype))
    covered = [n * k for n, k in zip(out, size, strict=True)]
    dx = dx.reshape(x.shape[0], *covered, x.shape[-1])
    rest = [(0, n - c) for n, c in zip(x.shape[1:-1], covered, strict=True)]
    return (jnp.pad(dx, [(0, 0), *rest, (0, 0)]) if any(map(any, rest)) else dx,)


_max_of_tiles.defvjp(_max_forward, _max_backward)


@op
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of what each window meets; padding does not count.

    Args:
        inputs: (batch, *sizes, channels), or channels first.
        pool_size: the window's size, for each axis or for all.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.

    Raises:
        ShapeError: a window larger than the input, or a rank that has no windows.
        ArgumentError: sizes, strides or padding that mean nothing.

    >>> average_pool([[[1.0], [4.0], [3.0], [2.0]]], 2).tolist()
    [[[2.5], [2.5]]]
    """
    x, window, first = _prepare(inputs, pool_size, strides, padding, data_format)
    wide: Any = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # long sums stall in half precision
    if _tiles(x, window):
        y = _mean_of_tiles(wide, window.size)
    else:
        y = _reduce_sum(wide, window)
        padded = any(map(any, window.padding))
        y = y / (_reduce_sum(jnp.ones((1, *x.shape[1:-1], 1), y.dtype), window) if padded else window.taps)
    y = y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y
    return jnp.moveaxis(y, -1, 1) if first else y


def _mean_of_tiles(x: Any, size: tuple[int, ...]) -> Any:
    """Windows side by side: each axis folds into (tiles, places), and the places are averaged."""
    out = [n // k for n, k in zip(x.shape[1:-1], size, strict=True)]
    covered = x[(slice(None), *(slice(0, n * k) for n, k in zip(out, size, strict=True)))]
    folded = covered.reshape(x.shape[0], *itertools.chain.from_iterable(zip(out, size, strict=True)), x.shape[-1])
    return jnp.mean(folded, axis=tuple(range(2, 2 + 2 * len(size), 2)))


def _reduce_sum(x: Any, window: Window) -> Any:
    return lax.reduce_window(
        x,
        np.zeros((), x.dtype),
        lax.add,
        (1, *window.size, 1),
        (1, *window.strides, 1),
        ((0, 0), *window.padding, (0, 0)),
    )
