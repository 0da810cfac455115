"""Normalisation of rows with a gradient of its own, by a compiled kernel where it is installed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .fused import Fused

__all__ = ["normalize_rows"]


def normalize_rows(x: Any, scale: Any, shift: Any, epsilon: float) -> Any:
    """(x − mean) / √(variance + ε) · scale + shift, with the statistics of each row.

    Args:
        x: (..., columns).
        scale, shift: (columns,).
        epsilon: ε.
    """
    flat = x.reshape(-1, x.shape[-1])
    return _normalize(flat, scale, shift, epsilon=float(epsilon))[0].reshape(x.shape)


def _parts(x: Any, epsilon: float) -> tuple[Any, Any, Any]:
    mean = jnp.mean(x, 1)
    centred = x - mean[:, None]
    return centred, mean, lax.rsqrt(jnp.mean(jnp.square(centred), 1) + epsilon)


def _meaning(x: Any, scale: Any, shift: Any, *, epsilon: float) -> Any:
    centred, _, inverse = _parts(x, epsilon)
    return (centred * inverse[:, None] * scale + shift,)


def _saving(x: Any, scale: Any, shift: Any, *, epsilon: float) -> Any:
    centred, mean, inverse = _parts(x, epsilon)
    return centred * inverse[:, None] * scale + shift, mean, inverse


def _backward(operands: Any, saved: Any, slopes: Any, *, epsilon: float) -> Any:
    x, scale, _ = operands
    mean, inverse = saved
    (slope,) = slopes
    normal = (x - mean[:, None]) * inverse[:, None]
    scaled = slope * scale
    first, second = (jnp.mean(a, 1, keepdims=True) for a in (scaled, scaled * normal))
    return (scaled - first - normal * second) * inverse[:, None], jnp.sum(slope * normal, 0), jnp.sum(slope, 0)


def _saving_kernel(x: Any, scale: Any, shift: Any, *, epsilon: float) -> Any:
    of_rows = jax.ShapeDtypeStruct(x.shape[:1], x.dtype)
    call = jax.ffi.ffi_call("ranvier_normalize", (jax.ShapeDtypeStruct(x.shape, x.dtype), of_rows, of_rows))
    return call(x, scale, shift, epsilon=np.float32(epsilon))


def _backward_kernel(operands: Any, saved: Any, slopes: Any, *, epsilon: float) -> Any:
    x, scale, _ = operands
    made = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (x, scale, scale)]
    return jax.ffi.ffi_call("ranvier_normalize_gradient", made)(x, scale, *saved, *slopes)


def _fits(x: Any, scale: Any, shift: Any, *others: Any, **parameters: Any) -> bool:
    return x.dtype == scale.dtype == shift.dtype == "float32" and 0 not in x.shape


_normalize = Fused(
    "normalize", _meaning, _saving, _backward, 3, lambda epsilon: 1, _saving_kernel, _backward_kernel, _fits
)  # fmt: skip
