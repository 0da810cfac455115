"""Counts of right and wrong decisions at thresholds, and the two ratios that are made of them."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.errors import ArgumentError, ShapeError
from ..core.masks import get_mask
from ..ops.errors_of_prediction import align
from ..ops.tensors import tensor
from .base import Metric
from .weights import masked, spread

__all__ = [
    "FalseNegatives", "FalsePositives", "Precision", "Recall", "TrueNegatives", "TruePositives", "count_at",
    "decisions", "ratio",
]  # fmt: skip


_FEW = 1 << 17  # comparisons that take no longer than buckets


def decisions(
    y_true: Any, y_pred: Any, sample_weight: Any, dtype: Any, what: str, *, top_k: int | None = None,
    class_id: int | None = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """What there is to decide: truths (bool), scores and weights, all of one shape.

    Args:
        y_true: targets; all but 0 are positive.
        y_pred: scores.
        sample_weight: weights of samples or of single decisions, or None.
        dtype: the dtype of scores and weights.
        what: the metric, for messages.
        top_k: scores outside the `top_k` best of the last axis become −∞.
        class_id: look at this place of the last axis alone.
    """
    sample_weight = masked(sample_weight, get_mask(y_pred), dtype)
    y_true, y_pred = align(y_true, jnp.asarray(tensor(y_pred), dtype), what, broadcast=False)
    y_true = jnp.broadcast_to(y_true, y_pred.shape)
    classes = y_pred.shape[-1] if y_pred.ndim else 0
    for name, value in (("top_k", top_k), ("class_id", class_id)):
        if value is not None and (y_pred.ndim < 2 or not 0 <= value - (name == "top_k") < classes):
            raise ShapeError(f"{what}: {name}={value} does not fit predictions of shape {y_pred.shape}.")
    if top_k is not None:
        best = lax.top_k(y_pred, top_k)[1]
        chosen = jnp.any(best[..., None] == jnp.arange(classes, dtype=best.dtype), axis=-2)
        y_pred = jnp.where(chosen, y_pred, jnp.full((), -jnp.inf, y_pred.dtype))
    weight = sample_weight
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
        weight = None if weight is None else jnp.asarray(tensor(weight), dtype)
        if weight is not None and weight.ndim > y_pred.ndim:
            weight = weight[..., class_id if weight.shape[-1] > 1 else 0]
    return y_true != 0, y_pred, spread(weight, y_pred.shape, dtype)


def count_at(truth: Any, scores: Any, weight: Any, thresholds: Any) -> tuple[Any, Any, Any, Any]:
    """Weighted true positives, false positives, true negatives and false negatives at each threshold.

    Args:
        truth, scores, weight: what `decisions` gives: (n,), or (n, labels) to count each label apart.
        thresholds: rising numbers; a score above one is a positive decision there.

    Returns:
        Four arrays, (thresholds,) or (thresholds, labels).
    """
    positive, negative = weight * truth, weight * ~truth
    limits = jnp.asarray(np.asarray(thresholds), scores.dtype)
    if len(thresholds) == 1:
        above = scores > limits[0]
        tp, fp = (jnp.sum(jnp.where(above, part, 0), axis=0)[None] for part in (positive, negative))
    elif scores.ndim == 1 and scores.size * len(thresholds) <= _FEW:
        above = (scores[:, None] > limits).astype(weight.dtype)  # (n, thresholds)
        tp, fp = jnp.matmul(jnp.stack([positive, negative]), above, precision="highest")
    else:
        tp, fp = _by_buckets(scores, positive, negative, tuple(thresholds))
    tn, fn = (jnp.maximum(jnp.sum(all_, axis=0) - part, 0) for all_, part in ((negative, fp), (positive, tp)))
    return tp, fp, tn, fn  # rounding makes no count negative


@functools.partial(
    jax.jit, static_argnums=3, inline=True
)  # outside of a trace the steps would all be written to memory
def _by_buckets(scores: Any, positive: Any, negative: Any, thresholds: tuple[float, ...]) -> list[Any]:
    """Both weights above each threshold: a bucket for each score, then one cumulative sum from the top."""
    place = jnp.where(jnp.isnan(scores), 0, _places(np.asarray(thresholds, scores.dtype), scores))
    at = place if scores.ndim == 1 else (place, jnp.arange(scores.shape[1])[None, :])
    empty = jnp.zeros((len(thresholds) + 1, *scores.shape[1:]), positive.dtype)
    return [jnp.flip(jnp.cumsum(jnp.flip(empty.at[at].add(part)[1:], 0), 0), 0) for part in (positive, negative)]


def _places(limits: np.ndarray, scores: Any) -> Any:
    """How many of the rising `limits` each score is above; for even steps a guess that is put right by one at the most."""
    inner = limits[np.isfinite(limits)]
    below = int(np.sum(limits == -np.inf))
    steps = np.diff(inner)
    if len(inner) < 3 or steps[0] <= 0 or not np.allclose(steps, steps[0], rtol=1e-3) or below > 1:
        return jnp.searchsorted(jnp.asarray(limits), scores)
    step = (inner[-1] - inner[0]) / (len(inner) - 1)
    guess = jnp.clip(jnp.ceil((scores - inner[0]) / step), 0, len(inner)).astype("int32")
    edges = jnp.asarray(np.array([-np.inf, *inner, np.inf], limits.dtype))  # edges[guess] < score <= edges[guess + 1]
    guess = guess - (scores <= edges[guess])
    guess = jnp.clip(guess + (scores > edges[jnp.clip(guess, 0) + 1]), 0)
    return guess + (scores > -np.inf) if below else guess


def ratio(part: Any, whole: Any) -> Any:
    """part / whole, and 0 where the whole is 0."""
    return jnp.where(whole == 0, 0, part / jnp.where(whole == 0, 1, whole))


def _checked(thresholds: Any, default: float) -> list[float]:
    values = [default] if thresholds is None else [float(t) for t in np.ravel(np.asarray(thresholds, "float64"))]
    if any(t != -np.inf and not 0 <= t <= 1 for t in values) or not values:
        raise ArgumentError(f"thresholds must lie between 0 and 1. Received: thresholds={thresholds!r}")
    return values


def _at(values: list[float], truth: Any, scores: Any, weight: Any) -> tuple[Any, ...]:
    """`count_at` for thresholds in the order that the user gave them in."""
    order = np.argsort(values, kind="stable")
    counts = count_at(truth.reshape(-1), scores.reshape(-1), weight.reshape(-1), [values[i] for i in order])
    if np.array_equal(order, np.arange(len(values))):
        return counts
    return tuple(c[np.argsort(order)] for c in counts)


class _Count(Metric):
    """Base of the four counts."""

    _which: ClassVar[int] = 0

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(dtype, name)
        self.thresholds = thresholds
        self._thresholds = _checked(thresholds, 0.5)
        self.accumulator = self.add_variable((len(self._thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        found = decisions(y_true, y_pred, sample_weight, self.dtype, self.name)
        self.accumulator.assign_add(_at(self._thresholds, *found)[self._which])

    def result(self) -> Any:
        """The count, or one for each threshold."""
        value = self.accumulator.value
        return value[0] if len(self._thresholds) == 1 else value


class TruePositives(_Count):
    """How many positives are decided as such.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.

    >>> float(TruePositives()([0, 1, 1, 1], [0.1, 0.2, 0.8, 0.9]))
    2.0
    """

    _which = 0


class FalsePositives(_Count):
    """How many negatives are decided as positives.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _which = 1


class TrueNegatives(_Count):
    """How many negatives are decided as such.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _which = 2


class FalseNegatives(_Count):
    """How many positives are decided as negatives.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    _which = 3


class _Ratio(Metric):
    """Base of precision and recall: true positives over themselves and one kind of mistake."""

    _mistake: ClassVar[tuple[int, str]] = (1, "false_positives")

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
        # Whatever is among the best counts as chosen, unless thresholds say otherwise.
        self._thresholds = _checked(thresholds, 0.5 if top_k is None else -np.inf)
        size = (len(self._thresholds),)
        self.true_positives = self.add_variable(size, "zeros", name="true_positives")
        self._mistakes = self.add_variable(size, "zeros", name=self._mistake[1])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        found = decisions(
            y_true, y_pred, sample_weight, self.dtype, self.name, top_k=self.top_k, class_id=self.class_id
        )
        counted = _at(self._thresholds, *found)
        self.true_positives.assign_add(counted[0])
        self._mistakes.assign_add(counted[self._mistake[0]])

    def result(self) -> Any:
        """The ratio, or one for each threshold; 0 where nothing counts."""
        value = ratio(self.true_positives.value, self.true_positives.value + self._mistakes.value)
        return value[0] if len(self._thresholds) == 1 else value


class Precision(_Ratio):
    """True positives over all that is decided as positive.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        top_k: the `top_k` best classes of a sample are its positive decisions.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.

    >>> float(Precision()([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.3]))
    0.5
    """

    _mistake = (1, "false_positives")

    @property
    def false_positives(self) -> Any:
        """The negatives that were decided as positives."""
        return self._mistakes


class Recall(_Ratio):
    """True positives over all that is positive.

    Args:
        thresholds: a number or list of them between 0 and 1; None: 0.5.
        top_k: the `top_k` best classes of a sample are its positive decisions.
        class_id: look at this class alone.
        name: the metric's name.
        dtype: the dtype of the result.

    >>> float(Recall()([0, 1, 1, 1, 1], [0.9, 0.2, 0.8, 0.7, 0.6]))
    0.75
    """

    _mistake = (3, "false_negatives")

    @property
    def false_negatives(self) -> Any:
        """The positives that were decided as negatives."""
        return self._mistakes
