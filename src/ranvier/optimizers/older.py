"""Arguments of Keras 2's optimizers that today's do not have."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ..core.errors import ArgumentError
from ..core.hints import hint
from .schedules import InverseTimeDecay
from .schedules.base import LearningRateSchedule

__all__ = ["needs_translation", "translate"]


def needs_translation(kwargs: Mapping[str, Any]) -> bool:
    """Whether there is a `decay`, or an `epsilon` of None, which stood for the default."""
    return "decay" in kwargs or kwargs.get("epsilon", 0) is None


def translate(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments in which `decay` is a schedule: learning_rate / (1 + decay · step).

    Raises:
        ArgumentError: a decay besides a schedule.
    """
    kwargs = dict(kwargs)
    if kwargs.get("epsilon", 0) is None:
        del kwargs["epsilon"]
    decay = kwargs.pop("decay", None)
    if not decay:
        return args, kwargs
    default = inspect.signature(cls.__init__).parameters["learning_rate"].default
    rate = args[0] if args else kwargs.pop("learning_rate", default)
    if isinstance(rate, LearningRateSchedule) or callable(rate):
        raise ArgumentError(f"{cls.__name__} takes a schedule or decay, not both. Delete decay={decay!r}.")
    now = f"learning_rate=schedules.InverseTimeDecay({rate!r}, 1, {decay!r})"
    hint(f"{cls.__name__}.decay", f"{cls.__name__}(decay={decay!r}) is {now} in Keras 3.")
    schedule = InverseTimeDecay(rate, 1, decay)
    return ((schedule, *args[1:]), kwargs) if args else (args, {**kwargs, "learning_rate": schedule})
