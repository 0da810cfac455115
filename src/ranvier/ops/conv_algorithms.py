"""Ways to compute a convolution, all the same numbers. Channels last: x (batch, *sizes, in), w (*window, in/groups, out).

XLA's own convolution is fast on accelerators, but on CPUs it is slow inside compiled loops, where training lives
(15 times slower than outside). There a convolution is built as one matrix product over patches.
"""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .conv_geometry import Window

__all__ = ["by_lax", "by_patches", "by_product", "by_shifts"]


def by_lax(x: Any, w: Any, window: Window, groups: int = 1) -> Any:
    """XLA's convolution."""
    rank = x.ndim - 2
    letters = "".join("DHW"[3 - rank + i] for i in range(rank))
    return lax.conv_general_dilated(
        x,
        w,
        window.strides,
        window.padding,
        rhs_dilation=window.dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )


def by_product(x: Any, w: Any, window: Window) -> Any:
    """A window of one place: a matrix product."""
    if any(s > 1 for s in window.strides):
        x = x[(slice(None), *(slice(None, None, s) for s in window.strides))]
    return x @ w.reshape(w.shape[-2:])


def _pad(x: Any, window: Window) -> Any:
    if not any(map(any, window.padding)):
        return x
    return jnp.pad(x, ((0, 0), *window.padding, (0, 0)))


def _tap_slices(window: Window, out: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """For each place of the window, the part of the padded input that it meets."""
    return [
        tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, n, s in zip(tap, window.dilation, out, window.strides, strict=True)
        )
        for tap in itertools.product(*map(range, window.size))
    ]


def _patches(x: Any, window: Window) -> Any:
    """What the window meets at each place: (batch, *out, taps · channels)."""
    out = window.out_sizes(x.shape[1:-1])
    padded = _pad(x, window)
    return jnp.concatenate([padded[(slice(None), *part)] for part in _tap_slices(window, out)], axis=-1)


def _unpatch(patches: Any, shape: tuple[int, ...], window: Window) -> Any:
    """The transpose of `_patches`: each tap's part added back where it came from."""
    out, channels = patches.shape[1:-1], shape[-1]
    padded = [n + sum(p) for n, p in zip(shape[1:-1], window.padding, strict=True)]
    total: Any = None
    for i, part in enumerate(_tap_slices(window, out)):
        piece = patches[..., i * channels : (i + 1) * channels]
        config = [(0, 0, 0)]
        for s, stride, n, size in zip(part, window.strides, out, padded, strict=True):
            config.append((s.start, size - s.start - (n - 1) * stride - 1, stride - 1))
        piece = lax.pad(piece, jnp.zeros((), patches.dtype), [*config, (0, 0, 0)])
        total = piece if total is None else total + piece
    inner = tuple(slice(p[0], p[0] + n) for p, n in zip(window.padding, shape[1:-1], strict=True))
    return total[(slice(None), *inner)]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def by_patches(x: Any, w: Any, window: Window) -> Any:
    """Patches times the kernel, one matrix product."""
    return _forward(x, w, window)[0]


def _forward(x: Any, w: Any, window: Window) -> tuple[Any, Any]:
    # The barrier keeps XLA from fusing the gather into the product, which would make the product slow.
    patches = lax.optimization_barrier(_patches(x, window))
    rows = patches.reshape(-1, patches.shape[-1])
    y = rows @ w.reshape(-1, w.shape[-1])
    return y.reshape(*patches.shape[:-1], w.shape[-1]), (x, w)


def _backward(window: Window, saved: Any, gradient: Any) -> tuple[Any, Any]:
    x, w = saved
    d = gradient.reshape(-1, w.shape[-1])  # (rows, out)
    patches = lax.optimization_barrier(_patches(x, window))
    rows = patches.reshape(-1, patches.shape[-1])  # (rows, taps · in)
    dw = lax.dot_general(d, rows, (((0,), (0,)), ((), ()))).T.reshape(w.shape)  # this order has the fast layout
    dp = lax.optimization_barrier(d @ w.reshape(-1, w.shape[-1]).T)
    dx = _unpatch(dp.reshape(patches.shape), x.shape, window)
    return dx, dw


by_patches.defvjp(_forward, _backward)


def by_groups(x: Any, w: Any, window: Window, groups: int) -> Any:
    """Each group of channels apart, by patches."""
    parts = zip(jnp.split(x, groups, axis=-1), jnp.split(w, groups, axis=-1), strict=True)
    return jnp.concatenate([by_patches(a, b, window) for a, b in parts], axis=-1)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def by_shifts(x: Any, w: Any, window: Window) -> Any:
    """Depthwise: a sum of shifted inputs, each times its place of the kernel; w is (*window, channels, multiplier)."""
    return _shifted(x, w, window)


def _shifted(x: Any, w: Any, window: Window) -> Any:
    out = window.out_sizes(x.shape[1:-1])
    padded = _pad(x, window)
    channels, multiplier = w.shape[-2:]
    kernel = w.reshape(-1, channels, multiplier)
    total: Any = None
    for i, part in enumerate(_tap_slices(window, out)):
        piece = padded[(slice(None), *part)][..., None] * kernel[i]
        total = piece if total is None else total + piece
    return total.reshape(x.shape[0], *out, channels * multiplier)


def _shifted_forward(x: Any, w: Any, window: Window) -> tuple[Any, Any]:
    return _shifted(x, w, window), (x, w)


def _shifted_backward(window: Window, saved: Any, gradient: Any) -> tuple[Any, Any]:
    x, w = saved
    out = window.out_sizes(x.shape[1:-1])
    channels, multiplier = w.shape[-2:]
    g = gradient.reshape(x.shape[0], *out, channels, multiplier)
    kernel = w.reshape(-1, channels, multiplier)
    padded = _pad(x, window)
    axes = tuple(range(x.ndim - 1))
    dw = jnp.stack(
        [jnp.sum(padded[(slice(None), *part)][..., None] * g, axis=axes) for part in _tap_slices(window, out)]
    ).reshape(w.shape)
    taps = [jnp.sum(g * kernel[i], axis=-1) for i in range(window.taps)]
    dx = _unpatch(jnp.concatenate(taps, axis=-1), x.shape, window)
    return dx, dw


by_shifts.defvjp(_shifted_forward, _shifted_backward)


def tiles_of(batch: int, bytes_each: int, budget: int) -> int:
    """Into how many equal parts a batch is cut so that each part's patches fit the budget; 1 if it cannot be cut."""
    for parts in range(1, batch + 1):
        if batch % parts == 0 and batch // parts * bytes_each <= budget:
            return parts
    return 1


def in_tiles(function: Any, x: Any, parts: int) -> Any:
    """`function` of `parts` equal pieces of the batch, one after the other."""
    if parts == 1:
        return function(x)
    pieces = x.reshape(parts, x.shape[0] // parts, *x.shape[1:])
    y = lax.map(function, pieces)
    return y.reshape(math.prod(y.shape[:2]), *y.shape[2:])
