"""Reading and setting the learning rate of the model in training."""

from __future__ import annotations

from typing import Any

from ...core.errors import ArgumentError

__all__ = ["learning_rate_of", "set_learning_rate"]


def learning_rate_of(model: Any) -> float:
    """The optimizer's present learning rate as a Python float."""
    return float(_optimizer(model).learning_rate)


def set_learning_rate(model: Any, value: float) -> None:
    """Give the optimizer another learning rate."""
    _optimizer(model).learning_rate = value


def _optimizer(model: Any) -> Any:
    optimizer = getattr(model, "optimizer", None)
    if not hasattr(optimizer, "learning_rate"):
        raise ArgumentError(
            f"The optimizer must have a 'learning_rate' for a callback to follow or change it. Received: {optimizer!r}"
        )
    return optimizer
