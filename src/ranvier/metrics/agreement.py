"""How well numbers agree: the coefficient of determination and correlations."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError, ShapeError
from ..core.masks import get_mask
from ..core.settings import epsilon
from ..core.variables import Variable
from ..ops.errors_of_prediction import align, same_rank_shapes
from ..ops.tensors import tensor
from .base import Metric
from .means import MeanMetricWrapper
from .weights import masked, spread

__all__ = [
    "ConcordanceCorrelation", "PearsonCorrelation", "R2Score", "concordance_correlation", "pearson_correlation",
]  # fmt: skip

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


def _centred(y_true: Any, y_pred: Any, axis: int, what: str) -> tuple[Any, Any, Any, Any]:
    y_true, y_pred = align(y_true, y_pred, what)
    mean_true, mean_pred = (jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    return y_true - mean_true, y_pred - mean_pred, mean_true, mean_pred


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """cov(y, ŷ) / (σ(y) σ(ŷ)) along `axis`: Pearson, 1895; not a number where either is constant."""
    true, pred, _, _ = _centred(y_true, y_pred, axis, "pearson_correlation")
    spread_true, spread_pred = (jnp.sqrt(jnp.mean(jnp.square(y), axis=axis)) for y in (true, pred))
    return jnp.mean(true * pred, axis=axis) / (spread_true * spread_pred)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """2 cov(y, ŷ) / (σ²(y) + σ²(ŷ) + (mean y − mean ŷ)²) along `axis`: Lin, 1989."""
    true, pred, mean_true, mean_pred = _centred(y_true, y_pred, axis, "concordance_correlation")
    covariance = jnp.mean(true * pred, axis=axis)
    variances = jnp.mean(jnp.square(true), axis=axis) + jnp.mean(jnp.square(pred), axis=axis)
    apart = jnp.squeeze(jnp.square(mean_true - mean_pred), axis)
    return 2 * covariance / (variances + apart + epsilon())


class PearsonCorrelation(MeanMetricWrapper):
    """cov(y, ŷ) / (σ(y) σ(ŷ)) along an axis, averaged over the others.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
        axis: the axis of the numbers that are correlated.

    >>> round(float(PearsonCorrelation()([[0.0, 1.0, 0.5]], [[0.1, 0.9, 0.5]])), 4)
    1.0
    """

    def __init__(self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """Lin's concordance coefficient along an axis, averaged over the others: 1 where y and ŷ are equal.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
        axis: the axis of the numbers that are compared.
    """

    def __init__(self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


class R2Score(Metric):
    """1 − Σ(y − ŷ)² / Σ(y − mean y)²: the share of the variance that predictions explain.

    Args:
        class_aggregation: None for one score an output, ``"uniform_average"`` for their mean,
            ``"variance_weighted_average"`` for the mean weighed by the outputs' variances.
        num_regressors: how many features the model has, for the score adjusted for them; 0: the plain score.
        name: the metric's name.
        dtype: the dtype of the result.

    Raises:
        ArgumentError: an unknown aggregation, negative num_regressors.

    >>> float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])).__round__(4)
    0.5714
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ):
        if class_aggregation not in _AGGREGATIONS:
            raise ArgumentError(
                f"class_aggregation must be one of {_AGGREGATIONS}. Received: class_aggregation={class_aggregation!r}"
            )
        if num_regressors < 0:
            raise ArgumentError(f"num_regressors must be at least 0. Received: num_regressors={num_regressors!r}")
        super().__init__(dtype, name)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def prepare(self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> None:
        """Make the sums of as many outputs as the predictions have."""
        if self._built:
            return
        y_true_shape, y_pred_shape = same_rank_shapes(y_true_shape, y_pred_shape)
        if len(y_true_shape) != 2 or len(y_pred_shape) != 2 or y_true_shape[-1] != y_pred_shape[-1]:
            raise ShapeError(
                f"{self.name} takes y_true and y_pred of shape (batch, outputs). Received: y_true with shape "
                f"{y_true_shape} and y_pred with shape {y_pred_shape}"
            )

        def total(name: str) -> Variable:
            return self.add_variable((y_pred_shape[-1],), "zeros", name=name)

        self.squared_sum = total("squared_sum")
        self.sum = total("sum")
        self.total_mse = total("residual")
        self.count = total("count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of (batch, outputs) targets and predictions."""
        sample_weight = masked(sample_weight, get_mask(y_pred), self.dtype)
        y_true, y_pred = (jnp.asarray(tensor(y), self.dtype) for y in (y_true, y_pred))
        self.prepare(y_true.shape, y_pred.shape)
        shapes = same_rank_shapes(y_true.shape, y_pred.shape)
        y_true, y_pred = y_true.reshape(shapes[0]), y_pred.reshape(shapes[1])
        weight = None if sample_weight is None else spread(sample_weight, y_true.shape, self.dtype)
        weighted = y_true if weight is None else y_true * weight
        squares = jnp.square(y_true - y_pred)
        self.sum.assign_add(jnp.sum(weighted, axis=0))
        self.squared_sum.assign_add(jnp.sum(y_true * weighted, axis=0))
        self.total_mse.assign_add(jnp.sum(squares if weight is None else squares * weight, axis=0))
        self.count.assign_add(y_true.shape[0] if weight is None else jnp.sum(weight, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Any:
        """The score, or one for each output."""
        if not self._built:
            return jnp.zeros((), self.dtype)
        total, count = self.sum.value, self.count.value
        variation = self.squared_sum.value - total * (total / count)
        score = 1 - self.total_mse.value / variation
        score = jnp.where(jnp.isinf(score), 0, score)
        if self.class_aggregation == "uniform_average":
            score = jnp.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = jnp.sum(variation * score) / jnp.sum(variation)
        if self.num_regressors == 0:
            return score
        n, p = self.num_samples.value, self.num_regressors
        adjusted = 1 - (1 - score) * (n - 1) / jnp.where(n - p - 1 > 0, n - p - 1, 1)
        return jnp.where(n - p - 1 > 0, adjusted, score)
