"""Checks of the callbacks' arguments."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from ...core.errors import ArgumentError, ArgumentTypeError
from ..spec import check_count

__all__ = ["choice", "count", "finite", "nearest", "verbosity"]


def count(name: str, value: Any) -> int:
    """`value` if it is an integer of at least 0."""
    return check_count(name, value, least=0, optional=False)  # type: ignore[return-value]


def finite(name: str, value: Any, *, least: float | None = None) -> float:
    """`value` if it is a finite number, of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentTypeError(f"{name} must be a number. Received: {name}={value!r}")
    if not math.isfinite(value) or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least}"
        raise ArgumentError(f"{name} must be a finite number{bound}. Received: {name}={value!r}")
    return value  # type: ignore[return-value]


def verbosity(value: Any) -> int:
    """`value` as 0 (silent) or more."""
    if not isinstance(value, Integral) or value < 0:
        raise ArgumentError(f"verbose must be 0 (silent) or 1 (a message for each event). Received: verbose={value!r}")
    return int(value)


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """`value` if it is one of the `allowed` strings."""
    if value not in allowed:
        names = ", ".join(map(repr, allowed))
        raise ArgumentError(f"{name} must be one of {names}. Received: {name}={value!r}.{nearest(value, allowed)}")
    return value


def nearest(name: Any, known: Iterable[str]) -> str:
    """A question for the known name most like this one, or nothing."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
