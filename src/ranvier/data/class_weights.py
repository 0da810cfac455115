"""Class weights as sample weights: every sample counts as its class does."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core import settings
from ..core.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning
from ..core.tracebacks import outside

__all__ = ["check_class_weight", "class_sample_weight"]


def check_class_weight(class_weight: Any) -> dict[int, float]:
    """`class_weight` as a dict of class index to weight.

    Raises:
        ArgumentTypeError: no dict, or keys that are no integers.
        ArgumentError: a negative class, or a weight that is negative or not finite.
    """
    if not isinstance(class_weight, Mapping):
        raise ArgumentTypeError(
            "class_weight must be a dict from class index to weight, such as {0: 1.0, 1: 5.0}; for a list or array of "
            "weights "
            f"use dict(enumerate(weights)). Received: {type(class_weight).__name__}"
        )
    weights = {}
    for key, weight in class_weight.items():
        if isinstance(key, bool) or not isinstance(key, numbers.Real) or not float(key).is_integer():
            hint = f" Did you mean {int(key)}?" if isinstance(key, str) and key.isdigit() else ""
            raise ArgumentTypeError(
                f"The keys of class_weight are class indices, integers from 0. Received: {key!r}.{hint}"
            )
        if key < 0:
            raise ArgumentError(f"The keys of class_weight are class indices, integers from 0. Received: {key!r}")
        if isinstance(weight, bool) or not isinstance(weight, numbers.Real) or not math.isfinite(weight) or weight < 0:
            raise ArgumentError(f"class_weight[{key!r}] must be a finite number of at least 0. Received: {weight!r}")
        weights[int(float(key))] = float(weight)
    return weights


def class_sample_weight(
    y: Any, weights: dict[int, float], name: str, *, whole: bool, output_shape: tuple[int | None, ...] | None = None
) -> np.ndarray:
    """The weight of each label's class, in the shape of the labels; 1 for classes that have none.

    Whether the last axis of `y` holds classes says the shape of the output: with as many axes and as large a last one it
    does. Where the output is not known, rows that are numbers of at least 0 with the sum 1 do.

    Args:
        y: integer labels, (samples, …) or (samples, …, 1); or one-hot rows or probabilities, (samples, …, classes).
        weights: from `check_class_weight`.
        name: what messages call `y`.
        whole: whether `y` is all there is, so that a class that never occurs is worth a warning.
        output_shape: the shape of the model's output, if it is known.

    Raises:
        DataError: targets that are no single array of labels; rows of several classes or none.
        ArgumentError: a weight for a class beyond the one-hot width.
    """
    if y is None:
        raise DataError(f"class_weight needs targets, but {name} is None.")
    if not hasattr(y, "shape"):
        raise DataError(f"class_weight works for models with a single output. Received: {name} as a {type(y).__name__}")
    y = np.asarray(y)
    if y.ndim > 1 and y.shape[-1] == 1:
        y = y[..., 0]
    elif y.ndim > 1 and _has_class_axis(y, output_shape):
        if not _are_distributions(y):
            raise DataError(
                f"class_weight needs labels, or rows of one class each (one-hot, or probabilities with the sum 1). Received: "
                f"{name} of shape {y.shape} with rows of other kinds, such as several classes at once. Give sample_weight "
                "instead."
            )
        if unknown := sorted(k for k in weights if k >= y.shape[-1]):
            raise ArgumentError(
                f"class_weight names classes {unknown}, but {name} has {y.shape[-1]} classes, 0 to {y.shape[-1] - 1}."
            )
        y = y.argmax(axis=-1)
    labels = np.round(y).astype(np.int64)
    if (odd := np.argwhere(labels != y)).size:
        place = tuple(int(i) for i in odd[0])
        raise DataError(
            f"class_weight needs labels that are integers. Received: {name}[{', '.join(map(str, place))}] = {y[place]}"
        )
    classes, inverse = np.unique(labels, return_inverse=True)
    if whole and (absent := sorted(set(weights) - set(classes.tolist()))):
        warnings.warn(
            f"class_weight names classes {absent}, which never occur in {name}; its classes are "
            f"{classes[:20].tolist()}{' …' if len(classes) > 20 else ''}.",
            DataWarning,
            stacklevel=outside(),
        )
    return np.array([weights.get(int(c), 1.0) for c in classes], settings.floatx())[inverse].reshape(labels.shape)


def _has_class_axis(y: np.ndarray, output_shape: tuple[int | None, ...] | None) -> bool:
    if output_shape is not None and len(output_shape) in (y.ndim, y.ndim + 1):
        return len(output_shape) == y.ndim
    return _are_distributions(y) or bool(y.max(initial=0) <= 1) or not bool((y == np.round(y)).all())


def _are_distributions(y: np.ndarray) -> bool:
    """Whether each row along the last axis belongs to one class: numbers of at least 0 with the sum 1."""
    return bool(y.min(initial=0) >= 0) and bool(np.allclose(y.sum(axis=-1, dtype="float64"), 1, atol=1e-3))
