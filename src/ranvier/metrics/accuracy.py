"""Accuracies: how often predictions are right."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..core import settings
from ..core.errors import ArgumentError, ShapeError
from ..ops.errors_of_prediction import align
from ..ops.tensors import tensor
from .means import MeanMetricWrapper

__all__ = [
    "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy", "top_k_categorical_accuracy",
]  # fmt: skip


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where target and prediction are equal, else 0."""
    y_true, y_pred = align(y_true, y_pred, "accuracy")
    return (y_true == y_pred).astype(y_pred.dtype)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the prediction is on the target's side of the threshold, else 0."""
    y_true, y_pred = align(y_true, y_pred, "binary_accuracy")
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).astype(y_pred.dtype)


def _hot(y_true: Any, y_pred: Any, what: str) -> tuple[Any, Any]:
    """The labels of one-hot targets, and the scores."""
    y_true, y_pred = jnp.asarray(tensor(y_true)), jnp.asarray(tensor(y_pred))
    if y_true.ndim != y_pred.ndim or y_true.shape[:-1] != y_pred.shape[:-1]:
        raise ShapeError(
            f"{what} takes one-hot targets of the predictions' shape. Received: y_true with shape {y_true.shape} and "
            f"y_pred with shape {y_pred.shape}. For integer labels use the sparse form."
        )
    return jnp.argmax(y_true, axis=-1), y_pred


def _labels(y_true: Any, y_pred: Any, what: str) -> tuple[Any, Any]:
    """Integer labels without a last axis of size 1, and the scores."""
    labels, y_pred = jnp.asarray(tensor(y_true)), jnp.asarray(tensor(y_pred))
    if labels.ndim == y_pred.ndim and labels.shape[-1:] == (1,):
        labels = labels[..., 0]
    if labels.shape != y_pred.shape[:-1]:
        raise ShapeError(
            f"{what} takes an integer label for each vector of scores. Received: y_true with shape {labels.shape} and "
            f"y_pred with shape {y_pred.shape}. For one-hot targets use the form without 'sparse'."
        )
    return labels, y_pred


def _is_best(labels: Any, y_pred: Any) -> Any:
    return (labels == jnp.argmax(y_pred, axis=-1)).astype(_float_dtype(y_pred))


def _among_best(labels: Any, y_pred: Any, k: int) -> Any:
    """1 where fewer than `k` classes come before the label's: higher scores, and of equal ones the lower classes."""
    labels = labels[..., None].astype("int32")
    own = jnp.take_along_axis(y_pred, labels, axis=-1, mode="fill", fill_value=jnp.nan)  # no class is never among them
    tied = (y_pred == own) & (jnp.arange(y_pred.shape[-1], dtype="int32") < labels)
    before = jnp.sum(tied | ~(y_pred <= own), axis=-1, dtype="int32")
    return (before < min(k, y_pred.shape[-1])).astype(_float_dtype(y_pred))


def _float_dtype(y_pred: Any) -> Any:
    return y_pred.dtype if jnp.issubdtype(y_pred.dtype, jnp.inexact) else settings.floatx()


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the likeliest class is the one-hot target's, else 0."""
    return _is_best(*_hot(y_true, y_pred, "categorical_accuracy"))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the likeliest class is the one that the label names, else 0."""
    return _is_best(*_labels(y_true, y_pred, "sparse_categorical_accuracy"))


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the one-hot target's class is among the `k` likeliest, else 0."""
    return _among_best(*_hot(y_true, y_pred, "top_k_categorical_accuracy"), k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the label is among the `k` likeliest classes (or among the first `k` sorted ids), else 0."""
    labels, y_pred = _labels(y_true, y_pred, "sparse_top_k_categorical_accuracy")
    if from_sorted_ids:
        return jnp.any(y_pred[..., :k] == labels[..., None], axis=-1).astype(settings.floatx())
    return _among_best(labels, y_pred, k)


class Accuracy(MeanMetricWrapper):
    """How often targets and predictions are equal.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions are on the targets' side of the threshold.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
        threshold: between 0 and 1.
    """

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        if threshold is not None and not 0 < threshold < 1:
            raise ArgumentError(f"threshold must lie between 0 and 1. Received: threshold={threshold!r}")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is the one-hot target's.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is the one that the label names.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.

    >>> float(SparseCategoricalAccuracy()([1, 0], [[0.2, 0.8], [0.4, 0.6]]))
    0.5
    """

    integer_targets = True

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the one-hot target's class is among the `k` likeliest.

    Args:
        k: how many count.
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label is among the `k` likeliest classes.

    Args:
        k: how many count.
        name: the metric's name.
        dtype: the dtype of the result.
        from_sorted_ids: predictions are class ids, the likeliest first, rather than scores.
    """

    integer_targets = True
    config_if_changed = frozenset({"from_sorted_ids"})

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k = k
        self.from_sorted_ids = from_sorted_ids
