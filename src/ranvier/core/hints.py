"""Hints: what a program does in a way of older Kerases, said once with today's way; the program goes on."""

from __future__ import annotations

import warnings

from .errors import RanvierWarning
from .tracebacks import outside

__all__ = ["forget_hints", "hint"]

_given: set[str] = set()


def hint(about: str, message: str) -> None:
    """Warn with `message`, the first time in this process that there is something to say about `about`."""
    if about in _given:
        return
    _given.add(about)
    warnings.warn(message, RanvierWarning, stacklevel=outside())


def forget_hints() -> None:
    """Give all hints anew."""
    _given.clear()
