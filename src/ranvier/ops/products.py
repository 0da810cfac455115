"""Products of rows and a matrix, as CPUs multiply them fastest: by a compiled kernel where it is installed and wins.

The kernel takes the bias and the ReLU that follow into the same pass over memory, and in the gradient the ReLU's slopes
and the sums for the bias.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from .compiled import kernel_usable
from .fused import Fused
from .origins import note

__all__ = ["affine_rows", "rows_product"]

_LEAST_ROWS = 512  # of fewer, packing the kernel costs what the arithmetic saves
_LEAST = 1 << 20  # multiplications; for fewer, waking the threads costs as much
_MOST = 1 << 15  # numbers of a kernel; of larger ones XLA's products are as fast
_FLAT = 4  # and so they are where few inputs make many outputs


def rows_product(x: Any, kernel: Any, shared: int = 1) -> Any:
    """Σ over the last `shared` axes of x, which are the first of the kernel.

    As one product of two matrices: of products with more axes XLA makes gradients that transpose their operands first.

    Args:
        x: (..., *axes).
        kernel: (*axes, ...).
        shared: how many axes.
    """
    return affine_rows(x, kernel, None, shared)


def affine_rows(x: Any, kernel: Any, bias: Any, shared: int = 1, rectified: bool = False) -> Any:
    """`rows_product` plus a bias, if there is one; where the sum is negative 0 if it is to be `rectified`.

    Args:
        x: (..., *axes).
        kernel: (*axes, ...).
        bias: what is added, of the shape of the kernel's other axes or broadcast to it; None: nothing.
        shared: how many axes.
        rectified: whether a ReLU follows.
    """
    others = kernel.shape[shared:]
    rows = x.reshape(math.prod(x.shape[:-shared]), math.prod(kernel.shape[:shared]))
    w = kernel.reshape(rows.shape[1], math.prod(others))
    fused = _applies(rows, w) and (bias is None or (bias.shape == others and bias.dtype == x.dtype))
    if fused:
        shift = jnp.zeros(0, x.dtype) if bias is None else bias.reshape(-1)
        return _multiply(rows, w, shift, rectified=rectified)[0].reshape(*x.shape[:-shared], *others)
    y = (rows @ w).reshape(*x.shape[:-shared], *others)
    if bias is not None:
        y = y + bias
    return note(jax.nn.relu(y), "relu", y) if rectified else y


def _applies(x: Any, w: Any) -> bool:
    """Whether the kernel is there and was measured to be faster for this product; the one place that decides."""
    (rows, inputs), outputs = x.shape, w.shape[1]
    if not all(isinstance(n, int) for n in (rows, inputs, outputs)):  # a program for all sizes
        return False
    worth = rows >= _LEAST_ROWS and rows * inputs * outputs >= _LEAST and inputs * outputs <= _MOST
    suited = x.dtype == w.dtype == "float32" and outputs <= _FLAT * inputs
    return worth and suited and jax.default_backend() == "cpu" and kernel_usable("multiply")


def _meaning(x: Any, w: Any, bias: Any, *, rectified: bool) -> Any:
    y = x @ w + bias if bias.size else x @ w
    return (jax.nn.relu(y) if rectified else y,)


def _saving(x: Any, w: Any, bias: Any, *, rectified: bool) -> Any:
    return _meaning(x, w, bias, rectified=rectified) * (2 if rectified else 1)


def _backward(operands: Any, saved: Any, slopes: Any, *, rectified: bool) -> Any:
    (x, w, bias), (slope,) = operands, slopes
    if rectified:
        slope = jnp.where(saved[0] > 0, slope, 0)
    return slope @ w.T, x.T @ slope, jnp.sum(slope, 0) if bias.size else bias


def _like(*arrays: Any) -> tuple[Any, ...]:
    return tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays)


def _saving_kernel(x: Any, w: Any, bias: Any, *, rectified: bool) -> Any:
    made = jax.ShapeDtypeStruct((x.shape[0], w.shape[1]), x.dtype)
    y = jax.ffi.ffi_call("ranvier_multiply", made)(x, w, bias, rectified=rectified)
    return (y, y) if rectified else (y,)


def _backward_kernel(operands: Any, saved: Any, slopes: Any, *, rectified: bool) -> Any:
    """Two calls: of a network's inputs nobody wants the gradient, and XLA leaves out what nobody reads."""
    (x, w, bias), (slope,) = operands, slopes
    y = saved[0] if rectified else jnp.zeros((0, w.shape[1]), w.dtype)
    (dx,) = jax.ffi.ffi_call("ranvier_multiply_input_gradient", _like(x))(w, y, slope)
    return dx, *jax.ffi.ffi_call("ranvier_multiply_kernel_gradient", _like(w, bias))(x, y, slope)


def _fits(x: Any, w: Any, bias: Any, *others: Any, **parameters: Any) -> bool:
    return x.dtype == w.dtype == bias.dtype == "float32" and 0 not in (*x.shape, *w.shape)


_multiply = Fused(
    "multiply", _meaning, _saving, _backward, 3, lambda rectified: 1, _saving_kernel, _backward_kernel, _fits
)  # fmt: skip
