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


def class_sample_weight(y: Any, weights: dict[int, float], name: str, *, whole: bool) -> np.ndarray:
    """The weight of each sample's class, shape (samples,); 1 for classes that have none.

    Args:
        y: labels (samples,) or (samples, 1), or one-hot or probabilities (samples, classes).
        weights: from `check_class_weight`.
        name: what messages call `y`.
        whole: whether `y` is all there is, so that a class that never occurs is worth a warning.

    Raises:
        DataError: targets that are no single array of labels.
        ArgumentError: a weight for a class beyond the one-hot width.
    """
    if y is None:
        raise DataError(f"class_weight needs targets, but {name} is None.")
    if not hasattr(y, "shape"):
        raise DataError(f"class_weight works for models with a single output. Received: {name} as a {type(y).__name__}")
    y = np.asarray(y)
    if y.ndim > 2:
        raise DataError(
            "class_weight needs labels of shape (samples,), (samples, 1) or one-hot (samples, classes). Received: "
            f"{name} of "
            f"shape {y.shape}. Give sample_weight instead."
        )
    if y.ndim == 2 and y.shape[1] > 1:
        labels = y.argmax(axis=1)
        if unknown := sorted(k for k in weights if k >= y.shape[1]):
            raise ArgumentError(
                f"class_weight names classes {unknown}, but {name} has {y.shape[1]} classes, 0 to {y.shape[1] - 1}."
            )
    else:
        labels = np.round(y.reshape(-1)).astype(np.int64)
        if (odd := np.flatnonzero(labels != y.reshape(-1))).size:
            raise DataError(
                f"class_weight needs labels that are integers. Received: {name}[{odd[0]}] = {y.reshape(-1)[odd[0]]}"
            )
    classes, inverse = np.unique(labels, return_inverse=True)
    if whole and (absent := sorted(set(weights) - set(classes.tolist()))):
        warnings.warn(
            f"class_weight names classes {absent}, which never occur in {name}; its classes are "
            f"{classes[:20].tolist()}{' …' if len(classes) > 20 else ''}.",
            DataWarning,
            stacklevel=outside(),
        )
    return np.array([weights.get(int(c), 1.0) for c in classes], settings.floatx())[inverse.reshape(-1)]
