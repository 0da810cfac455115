"""`LearningRateSchedule`: a learning rate as a function of the step."""

from __future__ import annotations

from typing import Any

from ...core.configurable import Configurable
from ...core.errors import NotDefinedError

__all__ = ["LearningRateSchedule"]


class LearningRateSchedule(Configurable):
    """Base of schedules: subclass it with ``__call__(self, step)`` → the learning rate."""

    keras_module = "keras.optimizers.schedules"

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a number or an array."""
        raise NotDefinedError(f"{type(self).__name__} must define __call__(self, step).")
