"""Convolutions by the compiled kernels of the package ``ranvier-kernels``, where it is installed.

A convolution and the gradient of its kernel are primitives of JAX, linear in both operands, whose transposes are built
from each other and from the pure algorithms: so forward mode and gradients of gradients work. (The gradient by the
inputs stays pure: one matrix product and a sum of shifted parts, which no kernel of ours was measured to beat.) What
the kernels cannot do (other platforms, batches by `jax.vmap`) is done by the equal operations of XLA.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import conv_algorithms as algorithms
from .conv_geometry import Window

__all__ = ["by_kernels", "kernel_usable", "kernels_apply"]


@functools.cache
def _registered() -> frozenset[str]:
    """The kernels that are there, by name; the environment variable ``RANVIER_KERNELS=0`` leaves them out."""
    if os.environ.get("RANVIER_KERNELS", "1") == "0":
        return frozenset()
    try:
        import ranvier_kernels  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        return frozenset()
    ranvier_kernels.register()
    return frozenset(ranvier_kernels.TARGETS)


def kernels_apply(platform: str, dtype: str, rank: int, groups: int, multiplier: int) -> bool:
    """Whether the kernels are there and made for this convolution.

    Args:
        platform: where the program will run.
        dtype: the dtype of the numbers.
        rank: the number of spatial axes.
        groups: groups of channels.
        multiplier: output channels for each input channel of a depthwise convolution, else 0.

    """
    suited = platform == "cpu" and dtype == "float32" and rank <= 2 and (groups == 1 or multiplier <= 1)
    return suited and kernel_usable("convolve")


def kernel_usable(name: str) -> bool:
    """Whether the kernel of this name is there (an older package may lack it), and the machine is one device.

    With several devices XLA shares the work among them, which it cannot do with work that it does not know.
    """
    return f"ranvier_{name}" in _registered() and jax.device_count() == 1


def by_kernels(x: Any, w: Any, window: Window, groups: int = 1) -> Any:
    """A convolution over one or two axes; x (batch, *sizes, channels), w (*window, channels / groups, filters)."""
    if x.ndim == 4:
        return _convolve.bind(x, w, window=window, groups=groups)
    flat = Window((1, *window.size), (1, *window.strides), (1, *window.dilation), ((0, 0), *window.padding))
    return _convolve.bind(x[:, None], w[None], window=flat, groups=groups)[:, 0]


def _primitive(name: str, plain: Callable[..., Any]) -> Primitive:
    """A primitive computed by the kernel ``ranvier_<name>`` on CPUs, and elsewhere as `plain` says."""
    primitive = Primitive(f"ranvier_{name}")

    def shape_of(*operands: Any, **params: Any) -> Any:
        specs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in operands]
        out = jax.eval_shape(functools.partial(plain, **params), *specs)
        return ShapedArray(out.shape, out.dtype)

    def batched(operands: Any, axes: Any, **params: Any) -> Any:
        return jax.vmap(functools.partial(plain, **params), axes)(*operands), 0

    def lowered(context: Any, *operands: Any, window: Window, groups: int) -> Any:
        before = [p[0] for p in window.padding]
        geometry = np.array([*window.strides, *window.dilation, *before, groups], np.int64)
        return jax.ffi.ffi_lowering(f"ranvier_{name}")(context, *operands, geometry=geometry)

    primitive.def_impl(jax.jit(primitive.bind, static_argnames=("window", "groups")))
    primitive.def_abstract_eval(shape_of)
    batching.primitive_batchers[primitive] = batched
    mlir.register_lowering(primitive, mlir.lower_fun(plain, multiple_results=False))
    mlir.register_lowering(primitive, lowered, platform="cpu")
    return primitive


def _plain(x: Any, w: Any, *, window: Window, groups: int) -> Any:
    return algorithms.by_lax(x, w, window, groups)


def _plain_by_kernel(x: Any, dy: Any, *, window: Window, groups: int) -> Any:
    w = jax.ShapeDtypeStruct((*window.size, x.shape[-1] // groups, dy.shape[-1]), dy.dtype)
    return jax.linear_transpose(lambda w: _plain(x, w, window=window, groups=groups), w)(dy)[0]


_convolve = _primitive("convolve", _plain)
_by_kernel = _primitive("kernel_gradient", _plain_by_kernel)


def _by_input(dy: Any, w: Any, sizes: tuple[int, ...], window: Window, groups: int) -> Any:
    """The gradient by the inputs, of `sizes`: a product spread over the inputs, as much at a time as fits the budget."""
    channels = w.shape[-2] * groups

    def pure(x: Any) -> Any:
        if groups == 1:
            return algorithms.by_patches(x, w, window)
        if groups == channels:
            return algorithms.by_shifts(x, w.reshape(*window.size, groups, -1), window)
        return algorithms.by_groups(x, w, window, groups)

    def spread(piece: Any) -> Any:
        x = jax.ShapeDtypeStruct((piece.shape[0], *sizes, channels), piece.dtype)
        return jax.linear_transpose(pure, x)(piece)[0]

    each = math.prod(dy.shape[1:-1]) * window.taps * channels * dy.dtype.itemsize
    return algorithms.in_tiles(spread, dy, algorithms.rows_of_tile(dy.shape[0], each, algorithms.PATCH_BUDGET))


def _sizes(x: Any) -> tuple[int, ...]:
    """The spatial sizes of an operand, known or (the one that a transpose asks for) only described."""
    return getattr(x, "aval", x).shape[1:-1]


# y = x * w. What one linear map's transpose needs is again a convolution, or one of its two gradients.
ad.defbilinear(
    _convolve,
    lambda dy, x, w, window, groups: _by_input(dy, w, _sizes(x), window, groups),
    lambda dy, x, w, window, groups: _by_kernel.bind(x, dy, window=window, groups=groups),
)
ad.defbilinear(
    _by_kernel,
    lambda dw, x, dy, window, groups: _by_input(dy, dw, _sizes(x), window, groups),
    lambda dw, x, dy, window, groups: _convolve.bind(x, dw, window=window, groups=groups),
)
