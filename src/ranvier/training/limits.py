"""The limits that `set_max_steps_per_epoch` and `set_max_epochs` put on every run, for quick trials of programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import settings

__all__ = ["limited_epochs", "limited_steps"]


def limited_epochs(epochs: int) -> int:
    """`epochs`, or the most that any `fit` may run."""
    most = settings.max_epochs()
    return epochs if most is None else min(epochs, most)


def limited_steps(make: Callable[[int | None], Any], steps: int | None) -> Any:
    """``make(steps)``: data with so many batches in an epoch, or with as many as any epoch may have."""
    most, data = settings.max_steps_per_epoch(), make(steps)
    return make(most) if most is not None and (data.steps is None or data.steps > most) else data
