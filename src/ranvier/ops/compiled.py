"""Convolutions by the compiled kernels of the package ``ranvier-kernels``, where it is installed.

A convolution and its two gradients are primitives of JAX, linear in both operands, and the transposes of each are the
other two: so forward mode and gradients of gradients work. Which kernel computes one, or the pure algorithm, is chosen
where a program is lowered (`_target`). What the kernels cannot do (other platforms, batches by `jax.vmap`) is done by the
equal operations of XLA.
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
from jax.interpreters import ad, batching, mlir

from . import conv_algorithms as algorithms
from .conv_geometry import Window

__all__ = ["Primitive", "by_kernels", "kernel_usable", "kernels_apply"]

Primitive: Any = type(jax.lax.add_p)  # `jax.extend.core`, where it has its name, brings Pallas along: 25 ms


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
    return _convolve.bind(x[:, None], w[None], window=window.with_axis(), groups=groups)[:, 0]


def _filtered(name: str, x: tuple[int, ...], y: tuple[int, ...], window: Window, groups: int) -> bool:
    """Whether minimal filtering (Winograd's) is made for a convolution, and was measured to be faster.

    It makes 36 products for 4x4 outputs instead of 144, but tiles that reach over the edge are paid whole, the kernel is
    changed once for all tiles, and changing a tile to and fro costs as much as the products of a few channels.
    """
    if groups != 1 or window.size != (3, 3) or window.strides != (1, 1) or window.dilation != (1, 1):
        return False
    tiles = math.prod(-(-n // 4) for n in y[1:-1])
    worth = y[-1] >= 4 and x[-1] >= (3 if name == "input_gradient" else 8)
    return worth and y[0] * tiles >= 16 and 4 * math.prod(y[1:-1]) >= 1.5 * 16 * tiles


def _target(name: str, x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...], window: Window, groups: int) -> str:
    """The kernel that computes the primitive `name`, for these shapes; "" where the pure algorithm is faster."""
    if _filtered(name, x, y, window, groups):
        filtered = "winograd" if name == "convolve" else f"winograd_{name}"
        if kernel_usable(filtered):
            return filtered
    apart = groups == x[-1] == y[-1]
    if name == "input_gradient" and not ((apart or w[-2] >= 8) and kernel_usable(name)):
        return ""
    return name


def _primitive(name: str, plain: Callable[..., Any], order: str) -> Any:
    """A primitive computed by a kernel on CPUs (`_target`), and elsewhere as `plain` says.

    Args:
        name: of the kernel.
        plain: the same by XLA's operations.
        order: which of the inputs x, the kernel w and the outputs y the two operands and the result are.

    """
    primitive = Primitive(f"ranvier_{name}")

    def shape_of(*operands: Any, **params: Any) -> Any:
        specs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in operands]
        out = jax.eval_shape(functools.partial(plain, **params), *specs)
        return ShapedArray(out.shape, out.dtype)

    def batched(operands: Any, axes: Any, **params: Any) -> Any:
        return jax.vmap(functools.partial(plain, **params), axes)(*operands), 0

    by_operations = mlir.lower_fun(plain, multiple_results=False)

    def lowered(context: Any, *operands: Any, window: Window, groups: int, **params: Any) -> Any:
        shapes = dict(zip(order, [a.shape for a in (*context.avals_in, *context.avals_out)], strict=True))
        target = _target(name, **shapes, window=window, groups=groups)
        if not target:
            return by_operations(context, *operands, window=window, groups=groups, **params)
        before = [p[0] for p in window.padding]
        geometry = np.array([*window.strides, *window.dilation, *before, groups], np.int64)
        return jax.ffi.ffi_lowering(f"ranvier_{target}")(context, *operands, geometry=geometry)

    primitive.def_impl(jax.jit(primitive.bind, static_argnames=("window", "groups", "sizes")))
    primitive.def_abstract_eval(shape_of)
    batching.primitive_batchers[primitive] = batched
    mlir.register_lowering(primitive, by_operations)
    mlir.register_lowering(primitive, lowered, platform="cpu")
    return primitive


def _plain(x: Any, w: Any, *, window: Window, groups: int) -> Any:
    return algorithms.by_lax(x, w, window, groups)


def _plain_by_kernel(x: Any, dy: Any, *, window: Window, groups: int) -> Any:
    w = jax.ShapeDtypeStruct((*window.size, x.shape[-1] // groups, dy.shape[-1]), dy.dtype)
    return jax.linear_transpose(lambda w: _plain(x, w, window=window, groups=groups), w)(dy)[0]


def _plain_by_input(dy: Any, w: Any, *, sizes: tuple[int, ...], window: Window, groups: int) -> Any:
    """The gradient by the inputs, of `sizes`: a product spread over the inputs, as much at a time as fits the budget."""
    channels = w.shape[-2] * groups

    def pure(x: Any) -> Any:
        if groups == 1:
            return algorithms.by_slices(x, w, window)
        if groups == channels:
            return algorithms.by_shifts(x, w.reshape(*window.size, groups, -1), window)
        return algorithms.by_groups(x, w, window, groups)

    def spread(piece: Any) -> Any:
        x = jax.ShapeDtypeStruct((piece.shape[0], *sizes, channels), piece.dtype)
        return jax.linear_transpose(pure, x)(piece)[0]

    each = math.prod(dy.shape[1:-1]) * window.taps * channels * dy.dtype.itemsize
    return algorithms.in_tiles(spread, dy, algorithms.rows_of_tile(dy.shape[0], each, algorithms.PATCH_BUDGET))


_convolve = _primitive("convolve", _plain, "xwy")
_by_kernel = _primitive("kernel_gradient", _plain_by_kernel, "xyw")
_by_input = _primitive("input_gradient", _plain_by_input, "ywx")


def _sizes(x: Any) -> tuple[int, ...]:
    """The spatial sizes of an operand, known or (the one that a transpose asks for) only described."""
    return getattr(x, "aval", x).shape[1:-1]


# y = x * w. What one linear map's transpose needs is again a convolution, or one of its two gradients.
ad.defbilinear(
    _convolve,
    lambda dy, x, w, window, groups: _by_input.bind(dy, w, sizes=_sizes(x), window=window, groups=groups),
    lambda dy, x, w, window, groups: _by_kernel.bind(x, dy, window=window, groups=groups),
)
ad.defbilinear(
    _by_kernel,
    lambda dw, x, dy, window, groups: _by_input.bind(dy, dw, sizes=_sizes(x), window=window, groups=groups),
    lambda dw, x, dy, window, groups: _convolve.bind(x, dw, window=window, groups=groups),
)
ad.defbilinear(
    _by_input,
    lambda dx, dy, w, sizes, window, groups: _convolve.bind(dx, w, window=window, groups=groups),
    lambda dx, dy, w, sizes, window, groups: _by_kernel.bind(dx, dy, window=window, groups=groups),
)
