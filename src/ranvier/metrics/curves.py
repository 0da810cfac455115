"""The area under a curve that decisions draw as the threshold moves."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.settings import epsilon
from .base import Metric
from .confusion import count_at, decisions, ratio

__all__ = ["AUC"]

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "minoring", "majoring")
_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class AUC(Metric):
    """The area under the receiver operating characteristic, or under the curve of precision over recall.

    Not a number where the curve is not defined: without positives, or for all but ``"PR"`` without negatives. Of several
    labels, those with a curve are averaged. Scores are probabilities: those below 0 or above 1 are told apart from the
    others, but not from each other.

    Args:
        num_thresholds: at how many thresholds the curve is known, ends included.
        curve: ``"ROC"``, ``"PR"``, or ``"PRGAIN"`` (Flach & Kull, 2015).
        summation_method: ``"interpolation"`` (trapezoids; for ``"PR"`` the interpolation of Davis & Goadrich, 2006),
            ``"minoring"`` (the lower neighbour) or ``"majoring"`` (the upper one).
        name: the metric's name.
        dtype: the dtype of the result.
        thresholds: numbers between 0 and 1, instead of evenly spaced ones.
        multi_label: whether the last axis holds labels, each with a curve of its own; the areas are averaged.
        num_labels: how many labels; None: as many as the predictions have.
        label_weights: weights of the labels in the average, or without `multi_label` of their decisions.
        from_logits: whether predictions are logits.

    Raises:
        ArgumentError: an unknown curve or method, thresholds outside 0 to 1, fewer than 2 of them.

    >>> float(AUC()([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]))
    0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        if curve not in _CURVES:
            raise ArgumentError(f"curve must be one of {_CURVES}. Received: curve={curve!r}")
        if summation_method not in _METHODS:
            raise ArgumentError(
                f"summation_method must be one of {_METHODS}. Received: summation_method={summation_method!r}"
            )
        if thresholds is None and num_thresholds <= 1:
            raise ArgumentError(f"num_thresholds must be at least 2. Received: num_thresholds={num_thresholds}")
        if thresholds is not None and any(not 0 <= t <= 1 for t in thresholds):
            raise ArgumentError(f"thresholds must lie between 0 and 1. Received: thresholds={thresholds!r}")
        super().__init__(dtype, name)
        inner = (
            [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
            if thresholds is None
            else sorted(float(t) for t in thresholds)
        )
        self._given_thresholds = None if thresholds is None else inner
        self._thresholds = [-epsilon(), *inner, 1 + epsilon()]
        # Every score is above the first and none above the last, also those that are no probabilities.
        self._limits = [-np.inf, *inner, np.inf]
        self.num_thresholds = len(self._thresholds)
        self.curve = curve
        self.summation_method = summation_method
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        self._built = False
        if not multi_label or num_labels is not None:
            self._build(num_labels if multi_label else None)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, with those a little outside 0 and 1."""
        return list(self._thresholds)

    def _build(self, labels: int | None) -> None:
        shape = (self.num_thresholds,) if labels is None else (self.num_thresholds, labels)
        for name in _COUNTS:
            setattr(self, name, self.add_variable(shape, "zeros", name=name))
        self._built = True

    def prepare(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Make the counts of as many labels as the predictions have."""
        if not self._built:
            if len(y_pred_shape) != 2:
                raise ShapeError(f"AUC with multi_label=True takes (batch, labels). Received: shape {y_pred_shape}")
            self._build(y_pred_shape[-1])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch at every threshold."""
        truth, scores, weight = decisions(y_true, y_pred, sample_weight, self.dtype, self.name)
        self.prepare(truth.shape, scores.shape)
        if self.from_logits:
            scores = jax.nn.sigmoid(scores)
        if self.multi_label:
            expected = self.variables[0].shape[1]
            if scores.ndim != 2 or scores.shape[1] != expected:
                raise ShapeError(f"{self.name} counts {expected} labels. Received: y_pred with shape {scores.shape}")
        else:
            if self.label_weights is not None:
                weight = weight * jnp.asarray(np.asarray(self.label_weights), weight.dtype)
            truth, scores, weight = truth.reshape(-1), scores.reshape(-1), weight.reshape(-1)
        for name, count in zip(_COUNTS, count_at(truth, scores, weight, self._limits), strict=True):
            getattr(self, name).assign_add(count)

    def result(self) -> Any:
        """The area; of several labels the (weighted) mean."""
        if not self._built:
            return jnp.zeros((), self.dtype)
        tp, fp, tn, fn = (getattr(self, name).value for name in _COUNTS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        recall = ratio(tp, tp + fn)
        if self.curve == "ROC":
            x, y = ratio(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, ratio(tp, tp + fp)
        else:
            odds = ratio(tp + fn, tn + fp)  # of the positive class; "all positive" gains no precision
            gained = jnp.maximum(1 - odds * ratio(fn, tp), 0)
            x, y = jnp.where(tp > 0, gained, 0), 1 - odds * ratio(fp, tp)
        before, after = y[:-1], y[1:]
        if self.summation_method == "interpolation":
            heights = (before + after) / 2
        elif self.summation_method == "minoring":
            heights = jnp.minimum(before, after)
        else:
            heights = jnp.maximum(before, after)
        return self._mean_of_labels(jnp.sum((x[:-1] - x[1:]) * heights, axis=0))

    def interpolate_pr_auc(self) -> Any:
        """The area under precision over recall by the interpolation of Davis & Goadrich, 2006, whatever the method."""
        tp, fp, _, fn = (getattr(self, name).value for name in _COUNTS)
        return self._mean_of_labels(_interpolated_precision_recall(tp, fp, fn))

    def _mean_of_labels(self, areas: Any) -> Any:
        """The area, or the mean of those that are defined; 0 before anything was counted."""
        tp, fp, tn, fn = (getattr(self, name).value[0] for name in _COUNTS)
        positives, negatives = tp + fn, fp + tn
        defined = (positives > 0) & (negatives > 0) if self.curve != "PR" else positives > 0
        counted = jnp.any(positives + negatives > 0)
        if not self.multi_label:
            return jnp.where(defined, areas, jnp.where(counted, jnp.nan, 0))
        weights = 1 if self.label_weights is None else jnp.asarray(np.asarray(self.label_weights), areas.dtype)
        weights = weights * defined.astype(areas.dtype)
        mean = ratio(jnp.sum(jnp.where(defined, areas, 0) * weights), jnp.sum(weights))
        return jnp.where(jnp.any(defined), mean, jnp.where(counted, jnp.nan, 0))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; thresholds only where they were given."""
        config = super().get_config()
        config["thresholds"] = self._given_thresholds
        if self._given_thresholds is None:
            del config["thresholds"]
        return config


def _interpolated_precision_recall(tp: Any, fp: Any, fn: Any) -> Any:
    """∫ precision d recall, with true positives linear in all positives between thresholds: Davis & Goadrich, 2006.

    With tp = a + b·p between two thresholds, ∫ tp / p dtp = b · (Δtp + a · log(p₁ / p₂)).
    """
    p = tp + fp
    gained, widened = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = ratio(gained, jnp.maximum(widened, 0))
    intercept = tp[1:] - slope * p[1:]
    growth = jnp.where((p[:-1] > 0) & (p[1:] > 0), ratio(p[:-1], jnp.maximum(p[1:], 0)), 1)
    return jnp.sum(ratio(slope * (gained + intercept * jnp.log(growth)), jnp.maximum(tp[1:] + fn[1:], 0)), axis=0)
