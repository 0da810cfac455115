"""Accuracies: how often predictions are right."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from ..core.errors import ArgumentError
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
    y_true, y_pred = align(y_true, y_pred)
    return (y_true == y_pred).astype(y_pred.dtype)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the prediction is on the target's side of the threshold, else 0."""
    y_true, y_pred = align(y_true, y_pred)
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).astype(y_pred.dtype)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the likeliest class is the one-hot target's, else 0."""
    y_true, y_pred = jnp.asarray(tensor(y_true)), jnp.asarray(tensor(y_pred))
    return _equal(jnp.argmax(y_true, axis=-1), y_pred)


def _equal(labels: Any, y_pred: Any) -> Any:
    return (labels == jnp.argmax(y_pred, axis=-1)).astype(y_pred.dtype)


def _labels(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    labels, y_pred = jnp.asarray(tensor(y_true)), jnp.asarray(tensor(y_pred))
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1 and labels.ndim > 1:
        labels = labels[..., 0]
    return labels.astype("int32"), y_pred


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the likeliest class is the one that the label names, else 0."""
    return _equal(*_labels(y_true, y_pred))


def _among_best(labels: Any, y_pred: Any, k: int) -> Any:
    shape = labels.shape
    scores, labels = y_pred.reshape(-1, y_pred.shape[-1]), labels.reshape(-1)
    found = lax.top_k(scores, min(k, scores.shape[-1]))[1] == labels[:, None]
    return jnp.any(found, axis=-1).astype(y_pred.dtype).reshape(shape)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the one-hot target's class is among the `k` likeliest, else 0."""
    y_pred = jnp.asarray(tensor(y_pred))
    return _among_best(jnp.argmax(jnp.asarray(tensor(y_true)), axis=-1).astype("int32"), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the label is among the `k` likeliest classes (or among the first `k` sorted ids), else 0."""
    labels, y_pred = _labels(y_true, y_pred)
    if from_sorted_ids:
        return jnp.any(y_pred[..., :k] == labels[..., None], axis=-1).astype("float32")
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
    """

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
