"""Intersection over union: how well segments cover what they should."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError, DataWarning, ShapeError
from ..ops.tensors import tensor
from .base import Metric
from .confusion import ratio
from .weights import spread

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class _ConfusionMatrix(Metric):
    """Base: weighted counts of (true class, predicted class)."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        if num_classes < 1:
            raise ArgumentError(f"num_classes must be positive. Received: num_classes={num_classes!r}")
        super().__init__("int32" if dtype is None else dtype, name)
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_confusion_matrix = self.add_variable(
            (num_classes, num_classes), "zeros", name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: classes, or one-hot where the metric says so.
            y_pred: classes, or scores where the metric says so.
            sample_weight: weights that broadcast to the classes, or None.
        """
        y_true, y_pred = jnp.asarray(tensor(y_true)), jnp.asarray(tensor(y_pred))
        if not self.sparse_y_true:
            y_true = jnp.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = jnp.argmax(y_pred, axis=self.axis)
        self._count(y_true, y_pred, sample_weight)

    def _count(self, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
        if y_true.size != y_pred.size:
            raise ShapeError(
                f"{self.name}: y_true and y_pred must hold equally many classes. Received: shapes {y_true.shape} and "
                f"{y_pred.shape}"
            )
        if sample_weight is not None:
            sample_weight = jnp.asarray(tensor(sample_weight))
            whole = jnp.issubdtype(jnp.dtype(self.dtype), jnp.integer)
            if whole and jnp.issubdtype(sample_weight.dtype, jnp.floating):
                warnings.warn(
                    f"{self.name} counts in {self.dtype}, so fractions of sample weights are cut off. Pass "
                    "dtype='float32' to the metric to keep them.",
                    DataWarning,
                    stacklevel=4,
                )
        weight = spread(sample_weight, y_true.shape, self.dtype).reshape(-1)
        true, pred = y_true.reshape(-1).astype("int32"), y_pred.reshape(-1).astype("int32")
        counts = (true >= 0) & (true < self.num_classes) & (pred >= 0) & (pred < self.num_classes)
        if self.ignore_class is not None:
            counts &= true != self.ignore_class
        cells = self.num_classes**2
        place = jnp.where(counts, true * self.num_classes + pred, cells)
        found = jnp.zeros((cells,), self.dtype).at[place].add(weight, mode="drop")
        self.total_confusion_matrix.assign_add(found.reshape(self.num_classes, self.num_classes))

    def _mean(self, classes: Sequence[int] | None) -> Any:
        """The mean over the classes (None: all) that occur in targets or predictions."""
        matrix = self.total_confusion_matrix.value
        matrix = matrix.astype(jnp.promote_types(matrix.dtype, jnp.float32))
        both = jnp.diagonal(matrix)
        either = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - both
        if classes is not None:
            chosen = jnp.asarray(list(classes), "int32")
            both, either = both[chosen], either[chosen]
        return ratio(jnp.sum(ratio(both, either)), jnp.sum((either > 0).astype(both.dtype)))


def _target_classes(given: Any, num_classes: int) -> list[int]:
    classes = [int(c) for c in given]
    if not classes or min(classes) < 0 or max(classes) >= num_classes:
        raise ArgumentError(
            f"target_class_ids must be classes from 0 to {num_classes - 1}. Received: target_class_ids={given!r}"
        )
    return classes


class IoU(_ConfusionMatrix):
    """TP / (TP + FP + FN), averaged over the target classes.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to look at.
        name: the metric's name.
        dtype: the dtype of the counts; None: int32.
        ignore_class: a true class that does not count, such as a void class.
        sparse_y_true: whether targets are classes rather than one-hot.
        sparse_y_pred: whether predictions are classes rather than scores.
        axis: the axis of one-hot vectors and scores.

    >>> import numpy as np
    >>> round(float(IoU(num_classes=2, target_class_ids=[0])(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        self.target_class_ids = _target_classes(target_class_ids, num_classes)
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def result(self) -> Any:
        """The mean over the target classes that occur."""
        return self._mean(self.target_class_ids)


class BinaryIoU(_ConfusionMatrix):
    """`IoU` of scores that a threshold turns into classes 0 and 1.

    Args:
        target_class_ids: the classes to look at, among 0 and 1.
        threshold: scores from it on are class 1.
        name: the metric's name.
        dtype: the dtype of the counts; None: int32.
    """

    config_excluded = frozenset({"num_classes"})

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        self.target_class_ids = _target_classes(target_class_ids, 2)
        super().__init__(2, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch of scores."""
        y_pred = jnp.asarray(tensor(y_pred)) >= self.threshold
        super().update_state(y_true, y_pred.astype("int32"), sample_weight)

    def result(self) -> Any:
        """The mean over the target classes that occur."""
        return self._mean(self.target_class_ids)


class MeanIoU(_ConfusionMatrix):
    """TP / (TP + FP + FN), averaged over all classes that occur.

    Args:
        num_classes: how many classes there are.
        name: the metric's name.
        dtype: the dtype of the counts; None: int32.
        ignore_class: a true class that does not count, such as a void class.
        sparse_y_true: whether targets are classes rather than one-hot.
        sparse_y_pred: whether predictions are classes rather than scores.
        axis: the axis of one-hot vectors and scores.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def result(self) -> Any:
        """The mean over the classes that occur."""
        return self._mean(None)


class OneHotIoU(IoU):
    """`IoU` of one-hot targets.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes to look at.
        name: the metric's name.
        dtype: the dtype of the counts; None: int32.
        ignore_class: a true class that does not count, such as a void class.
        sparse_y_pred: whether predictions are classes rather than scores.
        axis: the axis of one-hot vectors and scores.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets.

    Args:
        num_classes: how many classes there are.
        name: the metric's name.
        dtype: the dtype of the counts; None: int32.
        ignore_class: a true class that does not count, such as a void class.
        sparse_y_pred: whether predictions are classes rather than scores.
        axis: the axis of one-hot vectors and scores.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
