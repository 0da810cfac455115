"""The largest of windows with a gradient of its own, by a compiled kernel where it is installed.

The kernel takes the bias and the ReLU that come before into the same pass over memory: forwards it keeps the place of
each window's largest element, and backwards it puts the gradient there.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .compiled import kernel_usable
from .conv_geometry import Window
from .fused import Fused
from .lowering import platform_for
from .origins import origin_of

__all__ = ["largest", "largest_applies"]

_NOWHERE = 255  # the place of a largest element that has no slope: cut off by the ReLU, or NaN
_LEAST_CHANNELS = 8  # below, the kernel's vectors are mostly empty
_LEAST = 1 << 12  # numbers; for fewer a call of the kernel costs more than it saves


def largest_applies(x: Any, window: Window) -> bool:
    """Whether the kernel is there and made for pooling like this; the one place that decides."""
    suited = platform_for(x.shape) == "cpu" and x.dtype == "float32" and x.ndim <= 4
    worth = suited and x.shape[-1] >= _LEAST_CHANNELS and x.size >= _LEAST
    return worth and window.taps < _NOWHERE and kernel_usable("pool")


def largest(x: Any, window: Window) -> Any:
    """The largest of what each window meets in x (batch, *sizes, channels), one or two sizes."""
    bias = jnp.zeros(0, x.dtype)
    start = origin_of(x, "relu")
    rectified = start is not None
    x = start[0] if start is not None else x
    if rectified and (start := origin_of(x, "bias")) is not None:
        x, bias = start
    if x.ndim == 4:
        return _pool(x, bias, window=window, rectified=rectified)[0]
    return _pool(x[:, None], bias, window=window.with_axis(), rectified=rectified)[0][:, 0]


def _taps(x: Any, window: Window) -> list[Any]:
    """For each place of the window, what it meets: (batch, *out, channels)."""
    padded = jnp.pad(x, ((0, 0), *window.padding, (0, 0)), constant_values=-np.inf)
    return [padded[(slice(None), *part)] for part in window.tap_slices(window.out_sizes(x.shape[1:-1]))]


def _saving(x: Any, bias: Any, *, window: Window, rectified: bool) -> Any:
    best, *others = _taps(x + bias if bias.size else x, window)
    place = jnp.zeros(best.shape, "uint8")
    for i, here in enumerate(others, 1):
        larger = (here > best) | jnp.isnan(here)
        best, place = jnp.where(larger, here, best), jnp.where(larger, jnp.uint8(i), place)
    counts = best > 0 if rectified else ~jnp.isnan(best)
    y = jnp.where(counts, best, jax.lax.stop_gradient(jnp.maximum(best, 0) if rectified else best))
    return y, jnp.where(counts, place, jnp.uint8(_NOWHERE))


def _meaning(x: Any, bias: Any, **parameters: Any) -> Any:
    return _saving(x, bias, **parameters)[:1]


def _backward(operands: Any, saved: Any, slopes: Any, *, window: Window, rectified: bool) -> Any:
    (x, bias), (places,), (slope,) = operands, saved, slopes
    given = [jnp.where(places == i, slope, 0) for i in range(window.taps)]
    described = jax.ShapeDtypeStruct(x.shape, x.dtype)
    dx = jax.linear_transpose(lambda x: _taps_of_zeros(x, window), described)(given)[0]
    return dx, jnp.sum(dx, (0, 1, 2)) if bias.size else bias


def _taps_of_zeros(x: Any, window: Window) -> list[Any]:
    """As `_taps`, a linear function: with zeros around."""
    before, after = zip(*window.padding, strict=True)
    padded = jnp.pad(x, ((0, 0), *zip(before, after, strict=True), (0, 0)))
    return _taps(padded, window._replace(padding=((0, 0),) * len(before)))


def _geometry(window: Window, rectified: bool) -> Any:
    before = [p[0] for p in window.padding]
    return np.array([*window.size, *window.strides, *before, rectified], np.int64)


def _saving_kernel(x: Any, bias: Any, *, window: Window, rectified: bool) -> Any:
    shape = (x.shape[0], *window.out_sizes(x.shape[1:-1]), x.shape[-1])
    made = jax.ShapeDtypeStruct(shape, x.dtype), jax.ShapeDtypeStruct(shape, jnp.uint8)
    return jax.ffi.ffi_call("ranvier_pool", made)(x, bias, geometry=_geometry(window, rectified))


def _backward_kernel(operands: Any, saved: Any, slopes: Any, *, window: Window, rectified: bool) -> Any:
    made = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in operands]
    return jax.ffi.ffi_call("ranvier_pool_gradient", made)(*slopes, *saved, geometry=_geometry(window, rectified))


_pool = Fused(
    "pool", _meaning, _saving, _backward, 2, lambda window, rectified: 1, _saving_kernel, _backward_kernel
)  # fmt: skip
