"""Learning-rate schedules."""

from __future__ import annotations

from typing import Any

from ...core import serialization
from .base import LearningRateSchedule
from .decays import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule",
    "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip


def serialize(learning_rate_schedule: Any) -> Any:
    """The schedule in Keras's JSON spelling."""
    return serialization.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule that `serialize` described."""
    return serialization.deserialize(config, custom_objects, only=LearningRateSchedule)
