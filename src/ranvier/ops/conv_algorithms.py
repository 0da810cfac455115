"""Ways to compute a convolution, all the same numbers; x (batch, *sizes, in), w (*window, in/groups, out).

XLA's own convolution is fast on accelerators, but on CPUs it is slow inside compiled loops, where training lives
(15 times slower than outside). There a convolution is built as one matrix product over patches.

All of them are plain differentiable operations, so that forward mode and gradients of gradients work too. JAX's
own rule for the gradient of a product contracts rows as (out, taps · in) and turns the small result, which is the
fast layout, and the gradient of slices is the padded sum that scatters patches back. Products accumulate in float32
at least, whatever the dtype of their operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .conv_geometry import Window
from .unfused import unfused

__all__ = [
    "KEPT_PATCHES", "PATCH_BUDGET",
    "by_groups", "by_lax", "by_patches", "by_product", "by_scatter", "by_shifts", "by_slices", "in_tiles", "rows_of_tile",
    "transposed_by_lax",
]  # fmt: skip

PATCH_BUDGET = 256 << 20  # bytes of patches at a time
KEPT_PATCHES = 32 << 20  # bytes of patches that one convolution keeps for its backward pass
MOST_INDICES = 1 << 18  # of a gather: they are constants of the program


def by_lax(x: Any, w: Any, window: Window, groups: int = 1) -> Any:
    """XLA's convolution."""
    return lax.conv_general_dilated(
        x,
        w,
        window.strides,
        window.padding,
        rhs_dilation=window.dilation,
        dimension_numbers=_letters_of(x.ndim - 2),
        feature_group_count=groups,
    )


def transposed_by_lax(x: Any, w: Any, window: Window) -> Any:
    """XLA's convolution of spread-out inputs; `window` and `w` as in `by_scatter`."""
    rank = x.ndim - 2
    reach = [(k - 1) * d for k, d in zip(window.size, window.dilation, strict=True)]
    return lax.conv_general_dilated(
        x,
        jnp.flip(jnp.swapaxes(w, -1, -2), tuple(range(rank))),
        (1,) * rank,
        [(r - before, r - after) for r, (before, after) in zip(reach, window.padding, strict=True)],
        lhs_dilation=window.strides,
        rhs_dilation=window.dilation,
        dimension_numbers=_letters_of(rank),
    )


def _letters_of(rank: int) -> tuple[str, str, str]:
    """XLA's names of the axes of inputs, kernel and outputs."""
    places = "DHW"[3 - rank :]
    return f"N{places}C", f"{places}IO", f"N{places}C"


def by_product(x: Any, w: Any, window: Window) -> Any:
    """A window of one place: a matrix product."""
    if any(map(any, window.padding)):
        x = _pad(x, window)
    if any(s > 1 for s in window.strides):
        x = x[(slice(None), *(slice(None, None, s) for s in window.strides))]
    return _product(x, w.reshape(w.shape[-2:]))


def _product(x: Any, w: Any) -> Any:
    """x (..., k) times w (k, n) or (..., k, n), accumulated in float32 at least.

    A matrix w meets x as a matrix, too: of more axes XLA makes a gradient by w that transposes them first.
    """
    if w.ndim == 2 and x.ndim > 2:
        return _product(x.reshape(-1, x.shape[-1]), w).reshape(*x.shape[:-1], w.shape[-1])
    if x.dtype.itemsize >= 4:
        return x @ w
    return jnp.matmul(x, w, preferred_element_type=jnp.float32).astype(x.dtype)


def _pad(x: Any, window: Window) -> Any:
    if not any(map(any, window.padding)):
        return x
    return jnp.pad(x, ((0, 0), *window.padding, (0, 0)))


def _met(x: Any, window: Window) -> list[Any]:
    """For each place of the window, what it meets: (batch, *out, channels)."""
    padded = _pad(x, window)
    return [padded[(slice(None), *part)] for part in window.tap_slices(window.out_sizes(x.shape[1:-1]))]


def by_patches(x: Any, w: Any, window: Window) -> Any:
    """Patches times the kernel, one matrix product. The backward pass finds small patches kept, large ones it rebuilds."""
    size = x.shape[0] * math.prod(window.out_sizes(x.shape[1:-1])) * window.taps * x.shape[-1] * x.dtype.itemsize
    function = _by_patches if size <= KEPT_PATCHES else jax.checkpoint(_by_patches, static_argnums=(2,))
    return function(x, w, window)


def _by_patches(x: Any, w: Any, window: Window) -> Any:
    return _of_patches(_patches(x, window), w)


def by_slices(x: Any, w: Any, window: Window) -> Any:
    """As `by_patches`, from operations that are linear each, as `jax.linear_transpose` needs them."""
    return _of_patches(_along_axes(x, window), w)


def _of_patches(patches: Any, w: Any) -> Any:
    # The barrier keeps XLA from fusing the gather into the product, which would make the product slow.
    patches = lax.optimization_barrier(patches)  # (batch, *out, taps · in)
    y = _product(patches.reshape(-1, patches.shape[-1]), w.reshape(-1, w.shape[-1]))
    return y.reshape(*patches.shape[:-1], w.shape[-1])


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _patches(x: Any, window: Window) -> Any:
    """What the window meets at each place: (batch, *out, taps · channels).

    One gather copies rows of windows, half the traffic of slices that are concatenated. Its tangent takes slices
    nevertheless: their transpose is a sum, that of a gather a scatter.
    """
    out, run = window.out_sizes(x.shape[1:-1]), _run(window)
    if not x.size or math.prod(out) * window.taps // run > MOST_INDICES:
        return _concatenated(x, window)
    return _gathered(x, window)


@_patches.defjvp
def _patches_tangent(window: Window, primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    return _patches(*primals, window), _along_axes(*tangents, window)


def _run(window: Window) -> int:
    """How many taps meet numbers that lie side by side in memory."""
    return window.size[-1] if window.dilation[-1] == 1 else 1


@partial(jax.jit, static_argnums=1)
def _gathered(x: Any, window: Window) -> Any:
    """Patches by one gather, apart from what makes `x`: fused with it, each number would be made for each patch."""
    if any(map(any, window.padding)):
        x, padding = unfused(lambda x: _pad(x, window), x), ((0, 0),) * len(window.size)
        return _gather(x, window._replace(padding=padding))
    return unfused(lambda x: _gather(x, window), x)


def _gather(x: Any, window: Window) -> Any:
    channels, out, run = x.shape[-1], window.out_sizes(x.shape[1:-1]), _run(window)
    rank, taps = len(out), (*window.size[:-1], window.size[-1] // run)
    row: Any = np.zeros((1,) * 2 * rank, np.int32)  # of all leading axes; then the place in it, for (*out, *taps)
    place = row
    for i, (n, k) in enumerate(zip(out, taps, strict=True)):
        place = np.arange(n)[:, None] * window.strides[i] + np.arange(k) * window.dilation[i]
        place = place.reshape([n if j == i else k if j == rank + i else 1 for j in range(2 * rank)])
        if i < rank - 1:
            row = row * x.shape[1 + i] + place
    indices = np.stack(np.broadcast_arrays(row, place * channels), axis=-1).astype(np.int32)
    pieces = lax.gather(
        x.reshape(x.shape[0], -1, x.shape[-2] * channels),
        jnp.asarray(indices),
        lax.GatherDimensionNumbers((0, 2 * rank + 1), collapsed_slice_dims=(1,), start_index_map=(1, 2)),
        (x.shape[0], 1, run * channels),
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )
    return pieces.reshape(x.shape[0], *out, window.taps * channels)


def _only(i: int, window: Window) -> Window:
    """The window along one axis."""
    size, strides, dilation = (tuple(v if j == i else 1 for j, v in enumerate(values)) for values in window[:3])
    return Window(size, strides, dilation, tuple(p if j == i else (0, 0) for j, p in enumerate(window.padding)))


def _concatenated(x: Any, window: Window) -> Any:
    return jnp.concatenate(_met(x, window), axis=-1)


@partial(jax.jit, static_argnums=1)
def _along_axes(x: Any, window: Window) -> Any:
    """Patches built along one axis after the other. The transpose sums few parts for each axis, and puts every sum into
    memory: what follows, fused with it, would sum again for each of its numbers."""
    for i in reversed(range(len(window.size))):
        axis = _only(i, window)
        if axis == _only(-1, window):  # nothing happens along this axis
            continue
        x = unfused(partial(_concatenated, window=axis), x)
    return x


def by_groups(x: Any, w: Any, window: Window, groups: int) -> Any:
    """Each group of channels apart, by patches: a batch of products, one for each group."""
    return jax.checkpoint(_by_groups, static_argnums=(2, 3))(x, w, window, groups)


def _by_groups(x: Any, w: Any, window: Window, groups: int) -> Any:
    channels = x.shape[-1] // groups
    apart = jnp.moveaxis(x.reshape(*x.shape[:-1], groups, channels), -2, 0)  # (groups, batch, *sizes, in/groups)
    patches = _concatenated(apart.reshape(-1, *x.shape[1:-1], channels), window)
    patches = lax.optimization_barrier(patches.reshape(groups, -1, window.taps * channels))
    kernel = w.reshape(window.taps * channels, groups, -1).swapaxes(0, 1)  # (groups, taps · in/groups, out/groups)
    y = jnp.moveaxis(_product(patches, kernel), 0, 1)  # (rows, groups, out/groups)
    return y.reshape(x.shape[0], *window.out_sizes(x.shape[1:-1]), w.shape[-1])


def by_shifts(x: Any, w: Any, window: Window) -> Any:
    """Depthwise: a sum of shifted inputs, each times its place of the kernel; w is (*window, channels, multiplier)."""
    return jax.checkpoint(_by_shifts, static_argnums=(2,))(x, w, window)


def _by_shifts(x: Any, w: Any, window: Window) -> Any:
    wide = jnp.promote_types(x.dtype, jnp.float32)
    channels, multiplier = w.shape[-2:]
    kernel = w.reshape(-1, channels, multiplier).astype(wide)
    total: Any = None
    for piece, weights in zip(_met(x.astype(wide), window), kernel, strict=True):
        term = piece * weights[:, 0] if multiplier == 1 else piece[..., None] * weights
        total = term if total is None else total + term
    return total.reshape(*total.shape[: x.ndim - 1], channels * multiplier).astype(x.dtype)


def by_scatter(x: Any, w: Any, window: Window) -> Any:
    """The transpose of a convolution: each input spreads the kernel over the output; w is (*window, out, in).

    The window's padding says what is cut off the two ends of each axis; a negative number adds zeros there.
    """
    filters = w.shape[-2]
    spread = lax.optimization_barrier(_product(x, w.reshape(-1, w.shape[-1]).T))  # (batch, *sizes, taps · out)
    spread = spread.astype(jnp.promote_types(x.dtype, jnp.float32))
    sizes = x.shape[1:-1]
    full = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(sizes, window.strides, window.size, window.dilation, strict=True)
    ]
    zero = jnp.zeros((), spread.dtype)
    total: Any = None
    for i, part in enumerate(window.tap_slices(sizes)):
        config = [(s.start, n - s.stop, s.step - 1) for s, n in zip(part, full, strict=True)]
        piece = lax.pad(spread[..., i * filters : (i + 1) * filters], zero, [(0, 0, 0), *config, (0, 0, 0)])
        total = piece if total is None else total + piece
    cut = [(-before, -after, 0) for before, after in window.padding]
    return lax.pad(total, zero, [(0, 0, 0), *cut, (0, 0, 0)]).astype(x.dtype)


def rows_of_tile(batch: int, bytes_each: int, budget: int) -> int:
    """How many samples are convolved at a time so that their patches fit the budget, in parts of about one size."""
    fitting = max(budget // max(bytes_each, 1), 1)
    parts = -(-batch // fitting)
    return -(-batch // parts) if parts else batch


def in_tiles(function: Callable[[Any], Any], x: Any, rows: int) -> Any:
    """`function` of pieces of `rows` samples, one after the other; the last piece may be smaller."""
    whole = x.shape[0] // rows if rows else 1
    if whole * rows == x.shape[0] and whole <= 1:
        return function(x)
    pieces = x[: whole * rows].reshape(whole, rows, *x.shape[1:])
    y = lax.map(function, pieces)
    y = y.reshape(whole * rows, *y.shape[2:])
    return y if whole * rows == x.shape[0] else jnp.concatenate([y, function(x[whole * rows :])])
