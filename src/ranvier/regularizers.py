"""Penalties on weights and outputs, added to the loss."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from .core import serialization, settings
from .core.configurable import Configurable
from .core.errors import ArgumentError, NotDefinedError, ShapeError

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
    "orthogonal_regularizer", "serialize",
]  # fmt: skip


def _factor(name: str, value: Any) -> float:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"{name} must be a finite number of at least 0. Received: {name}={value!r}")
    return float(value)


class Regularizer(Configurable):
    """Base of regularisers: subclass it with ``__call__(self, x)`` → a scalar."""

    keras_module = "keras.regularizers"

    def __call__(self, x: Any) -> Any:
        """The penalty for `x`."""
        raise NotDefinedError(f"{type(self).__name__} must define __call__(self, x).")


class L1L2(Regularizer):
    """``l1 · Σ|x| + l2 · Σx²``.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        """The penalty for `x`."""
        x = jnp.asarray(x)
        total = jnp.zeros((), x.dtype)
        if self.l1:
            total = total + self.l1 * jnp.sum(jnp.abs(x))
        if self.l2:
            total = total + self.l2 * jnp.sum(jnp.square(x))
        return total


class L1(Regularizer):
    """``l1 · Σ|x|``: drives weights to exactly 0 (Tibshirani, 1996).

    Args:
        l1: the factor.
    """

    def __init__(self, l1: float = 0.01):
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        """The penalty for `x`."""
        return self.l1 * jnp.sum(jnp.abs(jnp.asarray(x)))


class L2(Regularizer):
    """``l2 · Σx²``: keeps weights small (Hoerl & Kennard, 1970).

    Args:
        l2: the factor.
    """

    def __init__(self, l2: float = 0.01):
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        """The penalty for `x`."""
        return self.l2 * jnp.sum(jnp.square(jnp.asarray(x)))


class OrthogonalRegularizer(Regularizer):
    """The mean |cosine| between different rows (or columns) of a matrix, times `factor`.

    In mode ``"columns"`` Keras divides the columns by the norms of others, and fails unless the matrix is square; here
    the penalty of the columns of x is that of the rows of xᵀ.

    Args:
        factor: the factor.
        mode: ``"rows"`` or ``"columns"``.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            raise ArgumentError(f"mode must be 'rows' or 'columns'. Received: mode={mode!r}")
        self.factor = _factor("factor", factor)
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        """The penalty for `x`, (rows, columns)."""
        x = jnp.asarray(x)
        if x.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer takes matrices. Received: shape {x.shape}")
        if self.mode == "columns":
            x = x.T
        unit = x / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(x), axis=1, keepdims=True)), settings.epsilon())
        count = x.shape[0]
        cosines = jnp.abs((unit @ unit.T) * (1 - jnp.eye(count, dtype=x.dtype)))
        return self.factor * 0.5 * jnp.sum(cosines) / max(count * (count - 1) / 2, 1)  # each pair stands there twice


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_TABLE: dict[str, Any] = {
    "l1": L1, "l2": L2, "l1_l2": L1L2, "L1": L1, "L2": L2, "L1L2": L1L2,
    "orthogonal_regularizer": OrthogonalRegularizer, "OrthogonalRegularizer": OrthogonalRegularizer,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """The regulariser for a name, an object, a class, a config or a callable; None stays None.

    >>> get("l2").get_config()
    {'l2': 0.01}
    """
    if identifier == "l1_l2" and isinstance(identifier, str):
        return L1L2(0.01, 0.01)  # what the name meant in Keras 2; L1L2's own defaults would penalise nothing
    return serialization.resolve(identifier, Regularizer, _TABLE, "regularizer")


def serialize(regularizer: Any) -> Any:
    """The regulariser in Keras's JSON spelling."""
    return serialization.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regulariser that `serialize` described."""
    with serialization.custom_object_scope(custom_objects or {}):
        return get(config)
