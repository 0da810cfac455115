"""`MonitorCallback`: what callbacks that watch one metric have in common."""

from __future__ import annotations

import warnings
from typing import Any

from ...core.errors import ArgumentError, RanvierWarning
from .callback import Callback, Logs
from .checks import choice, finite, nearest

__all__ = ["MonitorCallback"]

# Directions of metrics whose objects do not tell, by the words in their names.
_UP = {"acc", "accuracy", "auc", "precision", "recall", "sensitivity", "specificity", "iou", "f1", "r2", "similarity"}
_DOWN = {"loss", "error", "mse", "mae", "mape", "msle", "rmse", "crossentropy", "divergence", "perplexity"}


class MonitorCallback(Callback):
    """Base of callbacks that follow one metric from epoch to epoch.

    Args:
        monitor: the metric's name in the logs.
        mode: ``"min"``, ``"max"`` or ``"auto"``: whether less or more is better; "auto" asks the metric.
        min_delta: how much better a value must be to count as an improvement; its sign is ignored.
        best: the value to beat at the start; None: the first one counts as best.

    Attributes:
        best: the best value so far, or None.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0, best: float | None = None):
        if not isinstance(monitor, str) or not monitor:
            raise ArgumentError(f"monitor must be the name of a metric. Received: monitor={monitor!r}")
        self.monitor = monitor
        self.mode = choice("mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(finite("min_delta", min_delta))
        self.best = best
        self._sign = {"min": -1, "max": 1}.get(mode, 0)

    def _current(self, logs: Logs, consequence: str) -> Any:
        """The metric's value; None, with a warning that begins with `consequence`, where it is not there."""
        logs = logs or {}
        value = logs.get(self.monitor)
        if value is None:
            validation = self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs)
            hint = " This epoch had no validation: see validation_data, validation_split and validation_freq of fit."
            warnings.warn(
                f"{consequence} metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}." + (hint if validation else nearest(self.monitor, logs)),
                RanvierWarning,
                stacklevel=4,
            )
            return None
        if not self._sign:
            self._sign = self._direction()
        return value

    def _improves(self, value: Any, reference: Any) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`. Anything is better than None."""
        if reference is None:
            return True
        return bool(value - self.min_delta > reference if self._sign > 0 else value + self.min_delta < reference)

    def _direction(self) -> int:
        """1 if more of the metric is better, -1 if less is."""
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return -1
        for metric in _metrics(self.model):
            if metric.name == name and getattr(metric, "_direction", None) in ("up", "down"):
                return 1 if metric._direction == "up" else -1
        words = set(name.lower().split("_"))
        if bool(words & _UP) != bool(words & _DOWN):
            return 1 if words & _UP else -1
        raise ArgumentError(
            f"{type(self).__name__} cannot tell whether more or less of '{self.monitor}' is better. Pass mode='max' or "
            "mode='min'."
        )


def _metrics(model: Any) -> list[Any]:
    """The model's metrics, those inside collections too."""
    found, waiting = [], list(getattr(model, "metrics", None) or [])
    while waiting:
        metric = waiting.pop(0)
        if hasattr(metric, "name"):
            found.append(metric)
        waiting += list(getattr(metric, "metrics", None) or [])
    return found
