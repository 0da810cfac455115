"""Reading and setting the learning rate of the model in training."""

from __future__ import annotations

from typing import Any

from ...core.errors import ArgumentError
from ...optimizers import MultiOptimizer

__all__ = ["learning_rate_of", "rated_optimizers", "set_learning_rate"]


def rated_optimizers(model: Any) -> list[tuple[str, Any]]:
    """The optimizers that have a learning rate, each with what follows "learning_rate" in the logs.

    That is nothing for a single optimizer, and its name for each one of a `MultiOptimizer`.
    """
    optimizer = getattr(model, "optimizer", None)
    if isinstance(optimizer, MultiOptimizer):
        return [(f"_{inner.name}", inner) for inner in optimizer.optimizers]
    if not hasattr(optimizer, "learning_rate"):
        raise ArgumentError(
            f"The optimizer must have a 'learning_rate' for a callback to follow or change it. Received: {optimizer!r}"
        )
    return [("", optimizer)]


def learning_rate_of(optimizer: Any) -> float:
    """The optimizer's present learning rate as a Python float."""
    return float(optimizer.learning_rate)


def set_learning_rate(optimizer: Any, value: float) -> None:
    """Give the optimizer another learning rate."""
    optimizer.learning_rate = value
