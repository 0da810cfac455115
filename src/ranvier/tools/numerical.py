"""Small helpers for arrays: one-hot labels and vectors of length one."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..core import settings
from ..core.errors import ArgumentError, DataError

__all__ = ["normalize", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Integer labels as one-hot vectors.

    Args:
        x: labels from 0, any shape; a last axis of 1 is dropped.
        num_classes: the length of the vectors; None: the largest label plus 1.

    Returns:
        An array of shape ``(*x.shape, num_classes)``: float64 NumPy, or a jax array in `floatx()` for a jax array.

    Raises:
        DataError: labels that are negative, fractional, out of range or no numbers, or none at all.
        ArgumentError: a `num_classes` that is no positive integer.

    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    if num_classes is not None and (
        isinstance(num_classes, bool) or not isinstance(num_classes, Integral) or num_classes < 1
    ):
        raise ArgumentError(f"num_classes must be a positive integer or None. Received: num_classes={num_classes!r}")
    if isinstance(x, Tracer):
        if num_classes is None:
            raise ArgumentError(
                "to_categorical needs num_classes inside a compiled function, where labels are not known."
            )
        labels = x.reshape(x.shape[:-1]) if x.ndim > 1 and x.shape[-1] == 1 else x
        return jax.nn.one_hot(labels, num_classes, dtype=settings.floatx())
    labels = _labels(x)
    classes = int(labels.max()) + 1 if num_classes is None else int(num_classes)
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"x must hold labels from 0 to num_classes - 1 = {classes - 1}. Received: labels from {labels.min()} to "
            f"{labels.max()}"
        )
    out = np.zeros((labels.size, classes))
    out[np.arange(labels.size), labels.reshape(-1)] = 1
    out = out.reshape(*labels.shape, classes)
    return jnp.asarray(out, settings.floatx()) if isinstance(x, jax.Array) else out


def _labels(x: Any) -> np.ndarray:
    """Labels as int64, a last axis of 1 dropped."""
    values = np.asarray(x)
    if values.size == 0:
        raise DataError("x holds no labels, so there is nothing to encode.")
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"x must hold integer labels. Received: dtype {values.dtype}, such as {values.reshape(-1)[0]!r}"
        )
    labels = values.astype(np.int64) if values.dtype.kind != "f" or np.isfinite(values).all() else np.zeros_like(values)
    if (odd := values[labels != values]).size:
        raise DataError(f"x must hold integer labels. Received: {odd.reshape(-1)[0]}")
    return labels.reshape(labels.shape[:-1]) if labels.ndim > 1 and labels.shape[-1] == 1 else labels


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    r"""Vectors scaled to length one: :math:`x / \lVert x \rVert_p`; vectors of length 0 stay.

    Args:
        x: an array, any shape; integers become floats.
        axis: the axis along which the vectors lie.
        order: :math:`p`, an integer of at least 1.

    Returns:
        An array of the same shape, a jax array for a jax array and NumPy otherwise.

    Raises:
        ArgumentError: another `order`.

    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]], dtype=float32)
    """
    if isinstance(order, bool) or not isinstance(order, Integral) or order < 1:
        raise ArgumentError(f"order must be an integer of at least 1. Received: order={order!r}")
    xp: Any = jnp if isinstance(x, jax.Array) else np
    if not hasattr(x, "dtype"):
        x = np.asarray(x, settings.floatx())
    x = xp.atleast_1d(x)
    length = xp.linalg.norm(x, ord=int(order), axis=axis, keepdims=True)
    return x / xp.where(length == 0, xp.ones_like(length), length)
