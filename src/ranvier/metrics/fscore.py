"""The harmonic mean of precision and recall."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError, ShapeError
from ..core.masks import get_mask
from ..core.settings import epsilon
from ..core.variables import Variable
from ..ops.errors_of_prediction import same_rank_shapes
from ..ops.tensors import tensor
from .base import Metric
from .weights import masked, spread

__all__ = ["F1Score", "FBetaScore"]

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + β²) · precision · recall / (β² · precision + recall): van Rijsbergen, 1979.

    Args:
        average: None for one score a class, ``"micro"`` for all decisions together, ``"macro"`` for the mean of the
            classes, ``"weighted"`` for their mean weighed by how often they occur.
        beta: how much more recall counts than precision.
        threshold: scores above it are positive decisions; None: the best class of each sample is.
        name: the metric's name.
        dtype: the dtype of the result.

    Raises:
        ArgumentError: an unknown average, a beta that is not positive, a threshold outside 0 to 1.

    >>> score = FBetaScore(beta=2.0, threshold=0.5, average="micro")
    >>> round(float(score([[1, 1, 1], [1, 0, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6]])), 4)
    0.5
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ):
        if average not in _AVERAGES:
            raise ArgumentError(f"average must be one of {_AVERAGES}. Received: average={average!r}")
        if not isinstance(beta, float) or not beta > 0:
            raise ArgumentError(f"beta must be a number above 0, as a float. Received: beta={beta!r}")
        if threshold is not None and (not isinstance(threshold, float) or not 0 < threshold <= 1):
            raise ArgumentError(
                f"threshold must be above 0 and at most 1, as a float. Received: threshold={threshold!r}"
            )
        super().__init__(dtype, name)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = 0 if average != "micro" else None
        self._built = False

    def prepare(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Make the counts of as many classes as the predictions have."""
        if self._built:
            return
        y_true_shape, y_pred_shape = same_rank_shapes(y_true_shape, y_pred_shape)
        if len(y_true_shape) != 2 or len(y_pred_shape) != 2 or y_true_shape[-1] != y_pred_shape[-1]:
            raise ShapeError(
                f"{self.name} takes y_true and y_pred of shape (batch, classes), one-hot or multi-hot targets. "
                f"Received: y_true with shape {y_true_shape} and y_pred with shape {y_pred_shape}"
            )
        shape = () if self.average == "micro" else (y_pred_shape[-1],)

        def count(name: str) -> Variable:
            return self.add_variable(shape, "zeros", name=name)

        self.true_positives = count("true_positives")
        self.false_positives = count("false_positives")
        self.false_negatives = count("false_negatives")
        self.intermediate_weights = count("intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: one-hot or multi-hot targets, (batch, classes).
            y_pred: scores, (batch, classes).
            sample_weight: (batch,) or (batch, classes), or None.
        """
        sample_weight = masked(sample_weight, get_mask(y_pred), self.dtype)
        y_true, y_pred = (jnp.asarray(tensor(y), self.dtype) for y in (y_true, y_pred))
        self.prepare(y_true.shape, y_pred.shape)
        shapes = same_rank_shapes(y_true.shape, y_pred.shape)
        y_true, y_pred = y_true.reshape(shapes[0]), y_pred.reshape(shapes[1])
        if self.threshold is None:  # the best class, unless a row is all zeros
            chosen = (y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        decided = chosen.astype(self.dtype)
        weight = None if sample_weight is None else spread(sample_weight, y_pred.shape, self.dtype)

        def total(x: Any) -> Any:
            return jnp.sum(x if weight is None else x * weight, axis=self.axis)

        self.true_positives.assign_add(total(decided * y_true))
        self.false_positives.assign_add(total(decided * (1 - y_true)))
        self.false_negatives.assign_add(total((1 - decided) * y_true))
        self.intermediate_weights.assign_add(total(y_true))

    def result(self) -> Any:
        """The score, or one for each class."""
        if not self._built:
            return jnp.zeros((), self.dtype)
        tp, small = self.true_positives.value, epsilon()
        precision = tp / (tp + self.false_positives.value + small)
        recall = tp / (tp + self.false_negatives.value + small)
        squared = self.beta**2
        score = (1 + squared) * precision * recall / (squared * precision + recall + small)
        if self.average == "weighted":
            occurs = self.intermediate_weights.value
            return jnp.sum(score * occurs / (jnp.sum(occurs) + small))
        return score if self.average is None else jnp.mean(score)


class F1Score(FBetaScore):
    """2 · precision · recall / (precision + recall).

    Args:
        average: None, ``"micro"``, ``"macro"`` or ``"weighted"``, as in `FBetaScore`.
        threshold: scores above it are positive decisions; None: the best class of each sample is.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)
