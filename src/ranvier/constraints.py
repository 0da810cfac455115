"""Projections that weights are put through after each update."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .core import serialization, settings
from .core.configurable import Configurable
from .core.errors import ArgumentError

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm",
    "non_neg", "serialize", "unit_norm",
]  # fmt: skip


class Constraint(Configurable):
    """Base of constraints: subclass it with ``__call__(self, w)`` → the projected weights."""

    keras_module = "keras.constraints"

    def __call__(self, w: Any) -> Any:
        """The weights that satisfy the constraint: all of them, where there is none."""
        return jnp.asarray(w)


def _norm(w: Any, axis: Any) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Norms of at most `max_value` (Srivastava et al., 2014, section 5.1).

    Args:
        max_value: the largest norm.
        axis: the axis (or axes) that a norm runs over; 0 for the inputs of each unit of a Dense layer.
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        if max_value <= 0:
            raise ArgumentError(f"max_value must be positive. Received: max_value={max_value!r}")
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """`w`, scaled down where its norm is too large."""
        w = jnp.asarray(w)
        norms = _norm(w, self.axis)
        return w * (jnp.clip(norms, 0, self.max_value) / (settings.epsilon() + norms))


class NonNeg(Constraint):
    """Nothing below 0."""

    def __call__(self, w: Any) -> Any:
        """`w`, with 0 for what is negative."""
        w = jnp.asarray(w)
        return jnp.maximum(w, jnp.zeros((), w.dtype))


class UnitNorm(Constraint):
    """Norms of 1.

    Args:
        axis: the axis (or axes) that a norm runs over.
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """`w` divided by its norms."""
        w = jnp.asarray(w)
        return w / (settings.epsilon() + _norm(w, self.axis))


class MinMaxNorm(Constraint):
    """Norms from `min_value` to `max_value`.

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: how far a norm outside goes towards the range, from 0 to 1.
        axis: the axis (or axes) that a norm runs over.
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0):
        if min_value > max_value:
            raise ArgumentError(
                f"min_value must not exceed max_value. Received: min_value={min_value}, max_value={max_value}"
            )
        if not 0 <= rate <= 1:
            raise ArgumentError(f"rate must lie between 0 and 1. Received: rate={rate!r}")
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """`w`, scaled where its norm lies outside the range."""
        w = jnp.asarray(w)
        norms = _norm(w, self.axis)
        desired = self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (settings.epsilon() + norms))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
_TABLE: dict[str, Any] = {
    "max_norm": MaxNorm, "MaxNorm": MaxNorm, "min_max_norm": MinMaxNorm, "MinMaxNorm": MinMaxNorm,
    "non_neg": NonNeg, "NonNeg": NonNeg, "unit_norm": UnitNorm, "UnitNorm": UnitNorm,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """The constraint for a name, an object, a config or a callable; None stays None."""
    return serialization.resolve(identifier, Constraint, _TABLE, "constraint")


def serialize(constraint: Any) -> Any:
    """The constraint in Keras's JSON spelling."""
    return serialization.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint that `serialize` described."""
    with serialization.custom_object_scope(custom_objects or {}):
        return get(config)
