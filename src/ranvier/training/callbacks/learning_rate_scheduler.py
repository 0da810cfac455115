"""`LearningRateScheduler`: a learning rate for each epoch, from a function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, ArgumentTypeError
from ...tools.interactive import print_message
from .callback import Callback, Logs
from .checks import verbosity
from .learning_rates import learning_rate_of, rated_optimizers, set_learning_rate

__all__ = ["LearningRateScheduler"]


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch. The logs tell it as ``learning_rate``.

    Args:
        schedule: ``(epoch, learning_rate) → learning rate``, or ``(epoch) → learning rate``; epochs count from 0.
        verbose: 1: print each setting.

    Raises:
        ArgumentTypeError: `schedule` cannot be called.
        ArgumentError: it gave something that is no learning rate, or the optimizer has none.

    >>> import ranvier
    >>> halve = ranvier.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.5)
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0):
        if not callable(schedule):
            raise ArgumentTypeError(
                f"schedule must be a function (epoch, learning_rate) → learning rate. Received: schedule={schedule!r}"
            )
        self.schedule = schedule
        self.verbose = verbosity(verbose)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Ask the schedule and set the learning rate."""
        for _, optimizer in rated_optimizers(self.model):
            present = learning_rate_of(optimizer)
            rate = self.schedule(epoch, present) if _takes_two(self.schedule) else self.schedule(epoch)
            rate = _learning_rate(rate, epoch)
            set_learning_rate(optimizer, rate)
            if self.verbose:
                print_message(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the learning rate to the logs."""
        if logs is not None:
            for suffix, optimizer in rated_optimizers(self.model):
                logs[f"learning_rate{suffix}"] = learning_rate_of(optimizer)


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether the function can be called with an epoch and a learning rate."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return True
    return True


def _learning_rate(value: Any, epoch: int) -> float:
    array = np.asarray(value)
    if array.ndim or array.dtype.kind != "f" or not math.isfinite(array) or array < 0:
        raise ArgumentError(
            "The schedule of LearningRateScheduler must give a float, finite and not negative. "
            f"Received for epoch {epoch}: {value!r}"
            + (" (an integer; write it as a float)" if array.dtype.kind in "iu" else "")
        )
    return float(array)
