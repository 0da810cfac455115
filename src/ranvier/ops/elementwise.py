"""Elementwise functions of one tensor."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from .symbolic import op
from .tensors import as_array, as_float, tensor

__all__ = [
    "abs", "absolute", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "bitwise_invert",
    "bitwise_not", "cbrt", "ceil", "clip", "conj", "conjugate", "cos", "cosh", "deg2rad", "erf", "erfc", "erfinv",
    "exp", "exp2", "expm1", "fabs", "floor", "imag", "isclose", "isfinite", "isinf", "isnan", "isneginf", "isposinf",
    "isreal", "log", "log1p", "log2", "log10", "logical_not", "nan_to_num", "negative", "rad2deg",
    "real", "reciprocal", "round", "rsqrt", "select", "sign", "signbit", "sin", "sinc", "sinh", "sqrt",
    "square", "tan", "tanh", "trunc", "where",
]  # fmt: skip


@op
def abs(x: Any) -> Any:
    """The absolute value of each element of `x`."""
    return jnp.abs(as_array(x))


@op
def absolute(x: Any) -> Any:
    """The absolute value of each element of `x`."""
    return jnp.absolute(as_array(x))


@op
def arccos(x: Any) -> Any:
    """The inverse cosine of each element of `x`."""
    return jnp.arccos(as_float(x))


@op
def arccosh(x: Any) -> Any:
    """The inverse hyperbolic cosine of each element of `x`."""
    return jnp.arccosh(as_float(x))


@op
def arcsin(x: Any) -> Any:
    """The inverse sine of each element of `x`."""
    return jnp.arcsin(as_float(x))


@op
def arcsinh(x: Any) -> Any:
    """The inverse hyperbolic sine of each element of `x`."""
    return jnp.arcsinh(as_float(x))


@op
def arctan(x: Any) -> Any:
    """The inverse tangent of each element of `x`."""
    return jnp.arctan(as_float(x))


@op
def arctanh(x: Any) -> Any:
    """The inverse hyperbolic tangent of each element of `x`."""
    return jnp.arctanh(as_float(x))


@op
def ceil(x: Any) -> Any:
    """The next integer upwards of each element of `x`."""
    return jnp.ceil(as_float(x))


@op
def conj(x: Any) -> Any:
    """The complex conjugate of each element of `x`."""
    return jnp.conj(as_array(x))


@op
def conjugate(x: Any) -> Any:
    """The complex conjugate of each element of `x`."""
    return jnp.conjugate(as_array(x))


@op
def cos(x: Any) -> Any:
    """The cosine of each element of `x`."""
    return jnp.cos(as_float(x))


@op
def cosh(x: Any) -> Any:
    """The hyperbolic cosine of each element of `x`."""
    return jnp.cosh(as_float(x))


@op
def deg2rad(x: Any) -> Any:
    """Degrees as radians, for each element of `x`."""
    return jnp.deg2rad(as_float(x))


@op
def exp(x: Any) -> Any:
    """e to the power of each element, for each element of `x`."""
    return jnp.exp(as_float(x))


@op
def exp2(x: Any) -> Any:
    """2 to the power of each element, for each element of `x`."""
    return jnp.exp2(as_float(x))


@op
def expm1(x: Any) -> Any:
    """``exp(x) − 1``, exact for small x, for each element of `x`."""
    return jnp.expm1(as_float(x))


@op
def floor(x: Any) -> Any:
    """The next integer downwards of each element of `x`."""
    return jnp.floor(as_float(x))


@op
def imag(x: Any) -> Any:
    """The imaginary part of each element of `x`."""
    return jnp.imag(as_array(x))


@op
def log(x: Any) -> Any:
    """The natural logarithm of each element of `x`."""
    return jnp.log(as_float(x))


@op
def log10(x: Any) -> Any:
    """The decimal logarithm of each element of `x`."""
    return jnp.log10(as_float(x))


@op
def log1p(x: Any) -> Any:
    """``log(1 + x)``, exact for small x, for each element of `x`."""
    return jnp.log1p(as_float(x))


@op
def log2(x: Any) -> Any:
    """The binary logarithm of each element of `x`."""
    return jnp.log2(as_float(x))


@op
def negative(x: Any) -> Any:
    """The negative of each element of `x`."""
    return jnp.negative(as_array(x))


@op
def rad2deg(x: Any) -> Any:
    """Radians as degrees, for each element of `x`."""
    return jnp.rad2deg(as_float(x))


@op
def real(x: Any) -> Any:
    """The real part of each element of `x`."""
    return jnp.real(as_array(x))


@op
def reciprocal(x: Any) -> Any:
    """One over each element, for each element of `x`."""
    return jnp.reciprocal(as_float(x))


@op
def sign(x: Any) -> Any:
    """−1, 0 or 1, for each element of `x`."""
    return jnp.sign(as_array(x))


@op
def signbit(x: Any) -> Any:
    """Whether the sign bit is set, for each element of `x`."""
    return jnp.signbit(as_array(x))


@op
def sin(x: Any) -> Any:
    """The sine of each element of `x`."""
    return jnp.sin(as_float(x))


@op
def sinc(x: Any) -> Any:
    """``sin(πx) / (πx)``, for each element of `x`."""
    return jnp.sinc(as_float(x))


@op
def sinh(x: Any) -> Any:
    """The hyperbolic sine of each element of `x`."""
    return jnp.sinh(as_float(x))


@op
def sqrt(x: Any) -> Any:
    """The square root of each element of `x`."""
    return jnp.sqrt(as_float(x))


@op
def square(x: Any) -> Any:
    """The square of each element of `x`."""
    return jnp.square(as_array(x))


@op
def tan(x: Any) -> Any:
    """The tangent of each element of `x`."""
    return jnp.tan(as_float(x))


@op
def tanh(x: Any) -> Any:
    """The hyperbolic tangent of each element of `x`."""
    return jnp.tanh(as_float(x))


@op
def trunc(x: Any) -> Any:
    """The integer towards 0 of each element of `x`."""
    return jnp.trunc(as_array(x))


@op
def cbrt(x: Any) -> Any:
    """The cube root of each element of `x`."""
    return jnp.cbrt(as_float(x))


@op
def isfinite(x: Any) -> Any:
    """Whether each element is finite, for each element of `x`."""
    return jnp.isfinite(as_array(x))


@op
def isinf(x: Any) -> Any:
    """Whether each element is infinite, for each element of `x`."""
    return jnp.isinf(as_array(x))


@op
def isnan(x: Any) -> Any:
    """Whether each element is NaN, for each element of `x`."""
    return jnp.isnan(as_array(x))


@op
def isposinf(x: Any) -> Any:
    """Whether each element is +∞, for each element of `x`."""
    return jnp.isposinf(as_array(x))


@op
def isneginf(x: Any) -> Any:
    """Whether each element is −∞, for each element of `x`."""
    return jnp.isneginf(as_array(x))


@op
def isreal(x: Any) -> Any:
    """Whether each element is real, for each element of `x`."""
    return jnp.isreal(as_array(x))


@op
def logical_not(x: Any) -> Any:
    """Not, for each element of `x`."""
    return jnp.logical_not(as_array(x))


@op
def bitwise_not(x: Any) -> Any:
    """The bits inverted of each element of `x`."""
    return jnp.invert(as_array(x))


@op
def bitwise_invert(x: Any) -> Any:
    """The bits inverted of each element of `x`."""
    return jnp.invert(as_array(x))


@op
def angle(x: Any) -> Any:
    """The angle in the complex plane of each element of `x`."""
    x = as_float(x)
    return jnp.angle(x).astype(x.real.dtype)


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """`x` cut off below `x_min` and above `x_max`."""
    return jnp.clip(as_array(x), tensor(x_min), tensor(x_max))


@op
def nan_to_num(x: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """`x` with numbers in the place of NaN and infinity."""
    return jnp.nan_to_num(as_array(x), nan=nan, posinf=posinf, neginf=neginf)


@op
def round(x: Any, decimals: int = 0) -> Any:
    """`x` rounded to `decimals` digits, halves to even."""
    return jnp.round(as_array(x), decimals)


@op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where `condition` holds, else `x2`; without them the indices where it holds."""
    if x1 is None and x2 is None:
        return tuple(i.astype("int32") for i in jnp.where(as_array(condition)))
    return jnp.where(tensor(condition), tensor(x1), tensor(x2))


@op
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The first of the choices whose condition holds."""
    return jnp.select([tensor(c) for c in condlist], [tensor(c) for c in choicelist], default)


@op
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether `x1` and `x2` differ by at most ``atol + rtol · |x2|``."""
    return jnp.isclose(tensor(x1), tensor(x2), rtol, atol, equal_nan)


@op
def rsqrt(x: Any) -> Any:
    """One over the square root."""
    return lax.rsqrt(as_float(x))


@op
def erf(x: Any) -> Any:
    """The error function."""
    return lax.erf(as_float(x))


@op
def erfc(x: Any) -> Any:
    """One minus the error function, exact where that is near 1."""
    return lax.erfc(as_float(x))


@op
def fabs(x: Any) -> Any:
    """The absolute value of each element of `x`, as a float."""
    return jnp.fabs(as_float(x))


@op
def erfinv(x: Any) -> Any:
    """The inverse error function."""
    return lax.erf_inv(as_float(x))
