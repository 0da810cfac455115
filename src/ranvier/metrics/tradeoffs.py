"""The best of one ratio while another is at least so large: the operating points of a classifier."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from ..core.errors import ArgumentError
from .base import Metric
from .confusion import count_at, decisions, ratio

__all__ = ["PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"]

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _Tradeoff(Metric):
    """Base: counts at many thresholds, then the best `_wanted` where `_held` reaches the given value."""

    _wanted: ClassVar[str] = "recall"
    _held: ClassVar[str] = "precision"

    def __init__(
        self, value: float, what: str, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ):
        if not 0 <= value <= 1:
            raise ArgumentError(f"{what} must lie between 0 and 1. Received: {what}={value!r}")
        if num_thresholds <= 0:
            raise ArgumentError(f"num_thresholds must be positive. Received: num_thresholds={num_thresholds}")
        super().__init__(dtype, name)
        self._value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [i / (num_thresholds - 1) for i in range(num_thresholds)]
        for count in _COUNTS:
            setattr(self, count, self.add_variable((num_thresholds,), "zeros", name=count))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch at every threshold."""
        truth, scores, weight = decisions(y_true, y_pred, sample_weight, self.dtype, self.name, class_id=self.class_id)
        counted = count_at(truth.reshape(-1), scores.reshape(-1), weight.reshape(-1), self.thresholds)
        for name, count in zip(_COUNTS, counted, strict=True):
            getattr(self, name).assign_add(count)

    def _ratio(self, which: str) -> Any:
        tp, fp, tn, fn = (getattr(self, name).value for name in _COUNTS)
        if which == "precision":
            return ratio(tp, tp + fp)
        return ratio(tn, tn + fp) if which == "specificity" else ratio(tp, tp + fn)

    def result(self) -> Any:
        """The best value; 0 where no threshold reaches what must be held."""
        wanted, held = self._ratio(self._wanted), self._ratio(self._held)
        return jnp.max(jnp.where(held >= self._value, wanted, 0))


class SensitivityAtSpecificity(_Tradeoff):
    """The best sensitivity TP / (TP + FN) of the thresholds where specificity TN / (TN + FP) is at least this.

    Args:
        specificity: from 0 to 1.
        num_thresholds: how many thresholds are tried.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _wanted, _held = "recall", "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, "specificity", num_thresholds, class_id, name, dtype)
        self.specificity = specificity


class SpecificityAtSensitivity(_Tradeoff):
    """The best specificity TN / (TN + FP) of the thresholds where sensitivity TP / (TP + FN) is at least this.

    Args:
        sensitivity: from 0 to 1.
        num_thresholds: how many thresholds are tried.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _wanted, _held = "specificity", "recall"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, "sensitivity", num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity


class PrecisionAtRecall(_Tradeoff):
    """The best precision TP / (TP + FP) of the thresholds where recall TP / (TP + FN) is at least this.

    Args:
        recall: from 0 to 1.
        num_thresholds: how many thresholds are tried.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _wanted, _held = "precision", "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, "recall", num_thresholds, class_id, name, dtype)
        self.recall = recall


class RecallAtPrecision(_Tradeoff):
    """The best recall TP / (TP + FN) of the thresholds where precision TP / (TP + FP) is at least this.

    Args:
        precision: from 0 to 1.
        num_thresholds: how many thresholds are tried.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _wanted, _held = "recall", "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, "precision", num_thresholds, class_id, name, dtype)
        self.precision = precision
