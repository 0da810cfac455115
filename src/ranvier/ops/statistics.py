"""Quantiles, histograms, correlations and integrals of sampled data."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError
from .symbolic import op
from .tensors import as_array, as_float

__all__ = ["allclose", "corrcoef", "correlate", "histogram", "percentile", "ptp", "trapezoid", "vander"]


@op
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether nowhere `x1` and `x2` differ by more than ``atol + rtol · |x2|``."""
    return jnp.allclose(as_array(x1), as_array(x2), rtol, atol, equal_nan)


@op
def corrcoef(x: Any) -> Any:
    """The correlations between the rows of x: (variables, samples) → (variables, variables)."""
    return jnp.corrcoef(as_float(x))


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Σₙ x1[n + k] · x2[n] for each shift k of two vectors.

    Args:
        x1: a vector.
        x2: a vector.
        mode: which shifts: ``"valid"`` (full overlap), ``"same"`` (as many as the longer has) or ``"full"``.
    """
    if mode not in ("valid", "same", "full"):
        raise ArgumentError(f"mode must be 'valid', 'same' or 'full'. Received: mode={mode!r}")
    return jnp.correlate(as_float(x1), as_float(x2), mode)


@op
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """How many elements fall into each of `bins` equal bins, and the bins' edges.

    Args:
        x: a tensor.
        bins: how many bins.
        range: the lowest and the highest edge; None: the smallest and largest element.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ArgumentError(f"bins must be an integer of at least 1. Received: bins={bins!r}")
    if range is not None and not range[0] < range[1]:
        raise ArgumentError(f"range must rise. Received: range={range!r}")
    return jnp.histogram(as_float(x), bins=bins, range=range)


@op
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The `q`-percentiles over `axis`, q from 0 to 100."""
    return jnp.percentile(as_float(x), as_float(q), axis=axis, method=method, keepdims=keepdims)


@op
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest minus the smallest over `axis` (None: all)."""
    return jnp.ptp(as_array(x), axis=axis, keepdims=keepdims)


@op
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The area under the straight lines between samples `y`, at places `x` or `dx` apart."""
    return jnp.trapezoid(as_float(y), None if x is None else as_float(x), dx, axis)


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of each element of a vector, in rows of `N`, from the highest (or the lowest) on."""
    return jnp.vander(as_array(x), N, increasing)
