"""What convolutions mean: padding, strides, dilation, groups, data formats. `lowering` chooses how to compute them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError, ShapeError
from ..core.settings import standardize_data_format
from . import conv_algorithms as algorithms
from .compiled import by_kernels, kernels_apply
from .conv_geometry import Window, per_axis, window_of
from .lowering import choose_convolution, choose_transposed, platform_for
from .symbolic import op
from .tensors import tensor

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


def _channels_last(x: Any, data_format: str | None) -> tuple[Any, bool]:
    first = standardize_data_format(data_format) == "channels_first"
    return (jnp.moveaxis(x, 1, -1) if first else x), first


@op
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The cross-correlation of `inputs` with `kernel` over 1, 2 or 3 spatial axes.

    Args:
        inputs: (batch, *sizes, channels), or (batch, channels, *sizes) with ``data_format="channels_first"``.
        kernel: (*window, channels / groups, filters); fewer kernel channels than channels means groups.
        strides: how far the window moves, for each axis or for all.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are; None: the default.
        dilation_rate: the distance of neighbouring taps, for each axis or for all.

    Raises:
        ShapeError: ranks, channels or sizes that do not fit.
    """
    x, w = _same_dtype(inputs, kernel)
    x, first = _channels_last(x, data_format)
    _check_ranks(x, w)
    channels = x.shape[-1]
    if not w.shape[-2] or channels % w.shape[-2]:
        raise ShapeError(
            f"{channels} channels are no multiple of the kernel's {w.shape[-2]}. Received: kernel of shape {w.shape}, "
            f"inputs of shape {x.shape} (channels last)"
        )
    groups = channels // w.shape[-2]
    if w.shape[-1] % groups:
        raise ShapeError(
            f"{w.shape[-1]} filters cannot be shared among {groups} groups of channels. Received: kernel of shape "
            f"{w.shape}, inputs of shape {x.shape} (channels last)"
        )
    window = window_of(x.shape[1:-1], w.shape[:-2], strides, padding, dilation_rate, "kernel")
    y = _convolve(x, w, window, groups)
    return jnp.moveaxis(y, -1, 1) if first else y


def _convolve(x: Any, w: Any, window: Window, groups: int) -> Any:
    depthwise = groups == x.shape[-1] and groups > 1
    multiplier = w.shape[-1] // groups if depthwise else 0
    platform, dtype = platform_for(x.shape), x.dtype.name
    kernels = kernels_apply(platform, dtype, x.ndim - 2, groups, multiplier)
    algorithm = choose_convolution(platform, dtype, window.taps, x.shape[-1], groups, multiplier, kernels)
    if algorithm == "kernels":
        return by_kernels(x, w, window, groups)
    if algorithm == "lax":
        return algorithms.by_lax(x, w, window, groups)
    if algorithm == "product":
        return algorithms.by_product(x, w, window)
    if algorithm == "shifts":
        kernel = w.reshape(*w.shape[:-2], groups, multiplier)
        return algorithms.by_shifts(x, kernel, window)
    patch = window.out_sizes(x.shape[1:-1]), x.shape[-1]
    if algorithm == "groups":
        return _within_budget(lambda piece: algorithms.by_groups(piece, w, window, groups), x, window, *patch)
    return _within_budget(lambda piece: algorithms.by_patches(piece, w, window), x, window, *patch)


def _within_budget(
    function: Callable[[Any], Any], x: Any, window: Window, positions: tuple[int, ...], channels: int
) -> Any:
    """`function` of as much of the batch at a time as its patches fit the budget of memory."""
    each = math.prod(positions) * window.taps * channels * x.dtype.itemsize
    return algorithms.in_tiles(function, x, algorithms.rows_of_tile(x.shape[0], each, algorithms.PATCH_BUDGET))


@op
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Each channel convolved by itself.

    Args:
        inputs: (batch, *sizes, channels), or channels first.
        kernel: (*window, channels, multiplier): the outputs are channels · multiplier.
        strides, padding, data_format, dilation_rate: as in `conv`.
    """
    x, w = _same_dtype(inputs, kernel)
    x, first = _channels_last(x, data_format)
    _check_ranks(x, w)
    if x.shape[-1] != w.shape[-2]:
        raise ShapeError(
            f"A depthwise kernel of shape {w.shape} needs inputs with {w.shape[-2]} channels. Received: inputs of "
            f"shape {x.shape} (channels last)"
        )
    window = window_of(x.shape[1:-1], w.shape[:-2], strides, padding, dilation_rate, "kernel")
    flat = w.reshape(*w.shape[:-2], 1, w.shape[-2] * w.shape[-1])
    y = _convolve(x, flat, window, x.shape[-1]) if x.shape[-1] > 1 else _convolve(x, w, window, 1)
    return jnp.moveaxis(y, -1, 1) if first else y


@op
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A depthwise convolution, then one with a window of one place (Chollet, 2017)."""
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, 1, "valid", data_format, 1)


@op
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The transpose of `conv`: what its gradient does to outputs.

    Args:
        inputs: (batch, *sizes, channels), or channels first.
        kernel: (*window, filters, channels).
        strides: by how much the sizes grow.
        padding: ``"valid"`` or ``"same"``, that of the convolution that this is the transpose of.
        output_padding: elements added at the end of each axis; None: as many as make ``"same"`` multiply the sizes.
        data_format, dilation_rate: as in `conv`.
    """
    x, w = _same_dtype(inputs, kernel)
    x, first = _channels_last(x, data_format)
    _check_ranks(x, w)
    if x.shape[-1] != w.shape[-1]:
        raise ShapeError(
            f"A transposed kernel of shape {w.shape} needs inputs with {w.shape[-1]} channels. Received: inputs of "
            f"shape {x.shape} (channels last)"
        )
    rank = w.ndim - 2
    strides, dilation = per_axis("strides", strides, rank), per_axis("dilation_rate", dilation_rate, rank)
    extra = (None,) * rank if output_padding is None else per_axis("output_padding", output_padding, rank, least=0)
    cuts = tuple(_cut_of(*v, padding) for v in zip(w.shape[:-2], strides, dilation, extra, strict=True))
    window = Window(w.shape[:-2], strides, dilation, cuts)
    if choose_transposed(platform_for(x.shape), x.dtype.name) == "scatter":
        y = _within_budget(lambda piece: algorithms.by_scatter(piece, w, window), x, window, x.shape[1:-1], w.shape[-2])
    else:
        y = algorithms.transposed_by_lax(x, w, window)
    return jnp.moveaxis(y, -1, 1) if first else y


def _cut_of(kernel: int, stride: int, dilation: int, extra: int | None, padding: str) -> tuple[int, int]:
    """What is cut off the ends of an axis of the spread-out inputs; below zero: zeros that are added there."""
    mode = str(padding).lower()
    if mode not in ("valid", "same"):
        raise ArgumentError(f"padding must be 'valid' or 'same'. Received: padding={padding!r}")
    reach = (kernel - 1) * dilation + 1
    if mode == "valid":
        return 0, -(max(stride - reach, 0) if extra is None else int(extra))
    if extra is None:  # as much as makes the sizes exactly `stride` times those of the inputs
        total = reach - stride
        before = max(total, 0) // 2
    else:
        total = 2 * (reach // 2) - int(extra)
        before = max(total // 2, 0)
    return before, total - before


def _check_ranks(x: Any, w: Any) -> None:
    if x.ndim != w.ndim or not 3 <= w.ndim <= 5:
        raise ShapeError(
            "Convolutions take inputs (batch, *sizes, channels) and a kernel (*window, channels, filters) with 1 to 3 "
            f"spatial axes, both with equally many. Received: inputs of shape {x.shape}, kernel of shape {w.shape}"
        )


def _same_dtype(inputs: Any, kernel: Any) -> tuple[Any, Any]:
    x, w = jnp.asarray(tensor(inputs)), jnp.asarray(tensor(kernel))
    dtype = jnp.promote_types(x.dtype, w.dtype)
    if dtype == jnp.bool_:
        dtype = jnp.dtype("float32")
    return x.astype(dtype), w.astype(dtype)
