"""Window functions: bells that fade a stretch of signal out at both ends."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..core.settings import floatx
from .symbolic import op
from .tensors import as_float

__all__ = ["bartlett", "blackman", "hamming", "hanning", "i0", "kaiser"]


def _window(function: Any, length: Any, *args: Any) -> Any:
    return function(int(length), *args).astype(floatx())


def bartlett(x: Any) -> Any:
    """A triangle of `x` points."""
    return _window(jnp.bartlett, x)


def blackman(x: Any) -> Any:
    """0.42 − 0.5 cos(2πt) + 0.08 cos(4πt) at `x` points."""
    return _window(jnp.blackman, x)


def hamming(x: Any) -> Any:
    """0.54 − 0.46 cos(2πt) at `x` points."""
    return _window(jnp.hamming, x)


def hanning(x: Any) -> Any:
    """0.5 − 0.5 cos(2πt) at `x` points."""
    return _window(jnp.hanning, x)


def kaiser(x: Any, beta: Any) -> Any:
    """I₀(β √(1 − t²)) / I₀(β) at `x` points, with I₀ the modified Bessel function."""
    return _window(jnp.kaiser, x, float(beta))


@op
def i0(x: Any) -> Any:
    """The modified Bessel function of the first kind and order 0, of each element."""
    return jnp.i0(as_float(x))
