"""Counts of right and wrong decisions at a threshold, and what is made of them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError
from ..ops.errors_of_prediction import align
from .base import Metric

__all__ = ["FalseNegatives", "FalsePositives", "Precision", "Recall", "TrueNegatives", "TruePositives", "counts"]


def counts(
    y_true: Any, y_pred: Any, thresholds: Any, sample_weight: Any, top_k: int | None, class_id: int | None
) -> Any:
    """Weighted true positives, false positives, true negatives and false negatives, each (thresholds,)."""
    y_true, y_pred = align(y_true, y_pred)
    y_true = jnp.broadcast_to(y_true, y_pred.shape)
    if top_k is not None:
        kth = jnp.sort(y_pred, axis=-1)[..., -top_k, None]
        y_pred = jnp.where(y_pred >= kth, y_pred, jnp.full((), -jnp.inf, y_pred.dtype))
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    weight = jnp.ones((), y_pred.dtype) if sample_weight is None else jnp.asarray(sample_weight, y_pred.dtype)
    while 0 < weight.ndim < y_pred.ndim:
        weight = weight[..., None]
    weight = jnp.broadcast_to(weight, y_pred.shape).reshape(-1)
    truth, scores = y_true.reshape(-1) > 0.5, y_pred.reshape(-1)
    chosen = scores[None, :] > jnp.asarray(thresholds, scores.dtype)[:, None]
    positive, negative = weight * truth, weight * ~truth
    tp = jnp.sum(jnp.where(chosen, positive, 0), axis=1)
    fp = jnp.sum(jnp.where(chosen, negative, 0), axis=1)
    return tp, fp, jnp.sum(negative) - fp, jnp.sum(positive) - tp


def _thresholds(given: Any, default: float) -> list[float]:
    values = [default] if given is None else [float(t) for t in np.atleast_1d(given)]
    if any(t != -np.inf and not 0 <= t <= 1 for t in values):
        raise ArgumentError(f"thresholds must lie between 0 and 1. Received: thresholds={given!r}")
    return values


class _Count(Metric):
    """Base of the four counts."""

    _which = 0

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(dtype, name)
        self._thresholds = _thresholds(thresholds, 0.5)
        self.thresholds = self._thresholds
        self.accumulator = self.add_variable((len(self._thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        found = counts(y_true, y_pred, self._thresholds, sample_weight, None, None)
        self.accumulator.assign_add(found[self._which])

    def result(self) -> Any:
        """The count, or one for each threshold."""
        value = self.accumulator.value
        return value[0] if len(self._thresholds) == 1 else value


class TruePositives(_Count):
    """How many positives are predicted as such.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _which = 0


class FalsePositives(_Count):
    """How many negatives are predicted as positives.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _which = 1


class TrueNegatives(_Count):
    """How many negatives are predicted as such.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _which = 2


class FalseNegatives(_Count):
    """How many positives are predicted as negatives.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _which = 3


class _Ratio(Metric):
    """Base of precision and recall: true positives over themselves and one kind of mistake."""

    _other, _other_name = 1, "false_positives"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        self.thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self._thresholds = _thresholds(thresholds, 0.5 if top_k is None else -np.inf)
        size = (len(self._thresholds),)
        self.true_positives = self.add_variable(size, "zeros", name="true_positives")
        self.mistakes = self.add_variable(size, "zeros", name=self._other_name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        found = counts(y_true, y_pred, self._thresholds, sample_weight, self.top_k, self.class_id)
        self.true_positives.assign_add(found[0])
        self.mistakes.assign_add(found[self._other])

    def result(self) -> Any:
        """The ratio, or one for each threshold; 0 where nothing counts."""
        right, total = self.true_positives.value, self.true_positives.value + self.mistakes.value
        ratio = jnp.where(total > 0, right / jnp.where(total > 0, total, 1), 0)
        return ratio[0] if len(self._thresholds) == 1 else ratio


class Precision(_Ratio):
    """True positives over all predicted positives.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        top_k: count only the `k` likeliest classes as predicted.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _other, _other_name = 1, "false_positives"


class Recall(_Ratio):
    """True positives over all that are positive.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        top_k: count only the `k` likeliest classes as predicted.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _other, _other_name = 3, "false_negatives"
