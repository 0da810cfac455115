"""`MonitorCallback`: what callbacks that watch one metric have in common."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, RanvierWarning
from ...core.names import snake_case
from ...core.tracebacks import outside
from ...ops import greater, less
from .callback import Callback, Logs
from .checks import choice, finite, nearest

__all__ = ["MonitorCallback"]

# Words in the names of metrics of which more, or less, is better. ("io" is what MeanIoU has in mean_io_u.)
_UP = "acc accuracy auc beta correlation f1 fbeta io iou precision r2 recall sensitivity similarity specificity true"
_DOWN = "crossentropy divergence error false hinge logcosh loss mae mape mse msle perplexity poisson rmse"


class MonitorCallback(Callback):
    """Base of callbacks that follow one metric from epoch to epoch.

    Args:
        monitor: the metric's name in the logs.
        mode: ``"min"``, ``"max"`` or ``"auto"``: whether less or more is better; "auto" goes by the metric's class and
            name.
        min_delta: how much better a value must be to count as an improvement; its sign is ignored.
        best: the value to beat at the start; None: the first one counts as best.

    Attributes:
        best: the best value so far, or None. NaN is never best.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0, best: float | None = None):
        if not isinstance(monitor, str) or not monitor:
            raise ArgumentError(f"monitor must be the name of a metric. Received: monitor={monitor!r}")
        self.monitor = monitor
        self.mode = choice("mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(finite("min_delta", min_delta))
        self.best = best
        self._sign = {"min": -1, "max": 1}.get(mode, 0)
        self._compare: Any = None  # a subclass's own `monitor_op`

    def _current(self, logs: Logs, consequence: str) -> Any:
        """The metric's value; None, with a warning that begins with `consequence`, where it is not there."""
        logs = logs or {}
        if not self._sign:
            self._sign = self._direction(logs)
        value = logs.get(self.monitor)
        if value is None:
            validation = self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs)
            hint = " This epoch had no validation: see validation_data, validation_split and validation_freq of fit."
            warnings.warn(
                f"{consequence} metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}." + (hint if validation else nearest(self.monitor, logs)),
                RanvierWarning,
                stacklevel=outside(),
            )
            return None
        return value

    @property
    def monitor_op(self) -> Any:
        """`ops.greater` or `ops.less`, whichever says that a value is better; None before "auto" has found out."""
        return self._compare or {1: greater, -1: less}.get(self._sign)

    @monitor_op.setter
    def monitor_op(self, function: Any) -> None:
        self._sign = {"greater": 1, "less": -1}.get(getattr(function, "__name__", ""), self._sign)
        self._compare = function

    def _improves(self, value: Any, reference: Any) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`: anything is better than None, but NaN."""
        if np.any(np.isnan(value)):
            return False
        if reference is None:
            return True
        if self._compare is not None:
            return bool(self._compare(value - self.min_delta * self._sign, reference))
        return bool(value - self.min_delta > reference if self._sign > 0 else value + self.min_delta < reference)

    def _direction(self, logs: Logs = None) -> int:
        """1 if more of the metric is better, -1 if less is."""
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return -1
        metrics = [metric for metric in getattr(self.model, "metrics", None) or [] if metric.name == name]
        # A metric may bear any name; its class says what it is.
        for candidate in [*(snake_case(type(metric).__name__) for metric in metrics), name.lower()]:
            up, down = (any(word in words.split() for word in candidate.split("_")) for words in (_UP, _DOWN))
            if up != down:
                return 1 if up else -1
        absent = "" if not logs or self.monitor in logs else f" It is not in the logs.{nearest(self.monitor, logs)}"
        raise ArgumentError(
            f"{type(self).__name__} cannot tell whether more or less of '{self.monitor}' is better. Pass mode='max' or "
            f"mode='min'.{absent}"
        )
