"""Activation functions by the names that layers take: ``Dense(8, activation="relu")``."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from .core import serialization
from .core.errors import ArgumentError, DataWarning
from .core.masks import get_mask, set_mask
from .core.tracebacks import outside
from .ops import nn
from .ops.elementwise import tanh
from .ops.nn import (
    celu,
    exponential,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    linear,
    log_sigmoid,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)
from .ops.symbolic import op

__all__ = [
    "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "serialize", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip


@op
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0), with a slope below the threshold and a ceiling if asked for.

    Args:
        x: a tensor.
        negative_slope: the slope below `threshold`.
        max_value: the largest value; None: no ceiling.
        threshold: where x begins to pass.
    """
    if threshold == 0 and max_value is None:
        return nn.relu(x) if negative_slope == 0 else nn.leaky_relu(x, negative_slope)
    x = jnp.asarray(x)
    above = jnp.where(x > threshold, x, jnp.zeros((), x.dtype))
    below = negative_slope * jnp.where(x > threshold, jnp.zeros((), x.dtype), x - threshold)
    if max_value is not None:
        above = jnp.clip(above, 0, max_value)
    return above + below if negative_slope else above


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, else negative_slope · x: Maas et al., 2013."""
    return nn.leaky_relu(x, negative_slope)


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else α(exp(x) − 1): Clevert et al., 2016."""
    return nn.elu(x, alpha)


@op
def gelu(x: Any, approximate: bool = False) -> Any:
    """x · Φ(x), with Φ the normal distribution function (or its tanh approximation): Hendrycks & Gimpel, 2016."""
    return nn.gelu(x, approximate)


@op
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) over its sum along `axis`."""
    y = nn.softmax(x, axis)
    if isinstance(axis, int) and y.ndim and y.shape[axis] == 1:
        warnings.warn(
            f"softmax over an axis of size 1 is always 1: axis={axis} of shape {y.shape}. For two classes with one output use "
            "sigmoid.",
            DataWarning,
            stacklevel=outside(),
        )
    set_mask(y, get_mask(x))
    return y


@op
def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x)), without underflow."""
    return nn.log_softmax(x, axis)


swish, hard_swish = silu, hard_silu
_ALL = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid,
    log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus,
    sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
)  # fmt: skip
_TABLE: dict[str, Any] = {function.__name__: function for function in _ALL} | {"swish": silu, "hard_swish": hard_silu}
for _function in _ALL:
    serialization.register_function(_function)
serialization.register_function(silu, "swish")
serialization.register_function(hard_silu, "hard_swish")


class _NoClass:
    """No class of activations: they are functions (or layers, which are callables too)."""


def get(identifier: Any) -> Any:
    """The activation for a name, a function or other callable, or a config; None means `linear`.

    >>> get("relu") is relu
    True
    """
    if identifier is None:
        return linear
    if callable(identifier) and not isinstance(identifier, type):
        return identifier
    if isinstance(identifier, dict):
        return serialization.deserialize(identifier)
    if isinstance(identifier, str):
        return serialization.resolve(identifier, _NoClass, _TABLE, "activation")
    raise ArgumentError(f"activation must be a name, a callable or None. Received: activation={identifier!r}")


def serialize(activation: Any) -> Any:
    """The activation's name, or its config if it is an object."""
    return serialization.config_value(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation that `serialize` described."""
    with serialization.custom_object_scope(custom_objects or {}):
        return get(config)
