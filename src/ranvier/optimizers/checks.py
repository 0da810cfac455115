"""Checks of optimizers' numbers, with errors that name the argument."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ..core.errors import ArgumentError, ArgumentTypeError

__all__ = ["finite", "fraction"]


def finite(name: str, value: Any, *, positive: bool = False, least: float | None = None) -> None:
    """Refuse what is not a finite number (positive, or at least `least`)."""
    if hasattr(value, "shape") and value.shape == ():
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentTypeError(f"{name} must be a number. Received: {name}={value!r} of type {type(value).__name__}")
    if not math.isfinite(value):
        raise ArgumentError(f"{name} must be finite. Received: {name}={value!r}")
    if positive and value <= 0:
        raise ArgumentError(f"{name} must be positive. Received: {name}={value!r}")
    if least is not None and value < least:
        raise ArgumentError(f"{name} must be at least {least}. Received: {name}={value!r}")


def fraction(name: str, value: Any, *, closed: bool = False) -> None:
    """Refuse what does not lie in [0, 1), or in [0, 1] if `closed`."""
    finite(name, value, least=0)
    if value > 1 or (value == 1 and not closed):
        raise ArgumentError(f"{name} must lie in [0, 1{']' if closed else ')'}. Received: {name}={value!r}")
