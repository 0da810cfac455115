"""One tensor of several."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..recording import named

__all__ = [
    "add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip


@named
def add(inputs: Sequence[Any]) -> Any:
    """The sum of all inputs."""
    return functools.reduce(jnp.add, inputs)


@named
def subtract(inputs: Sequence[Any]) -> Any:
    """The first input minus the second."""
    return inputs[0] - inputs[1]


@named
def multiply(inputs: Sequence[Any]) -> Any:
    """The product of all inputs."""
    return functools.reduce(jnp.multiply, inputs)


@named
def average(inputs: Sequence[Any]) -> Any:
    """The mean of all inputs."""
    return functools.reduce(jnp.add, inputs) / len(inputs)


@named
def maximum(inputs: Sequence[Any]) -> Any:
    """The largest of all inputs."""
    return functools.reduce(jnp.maximum, inputs)


@named
def minimum(inputs: Sequence[Any]) -> Any:
    """The smallest of all inputs."""
    return functools.reduce(jnp.minimum, inputs)


@named
def concatenate(inputs: Sequence[Any], axis: int = -1) -> Any:
    """The inputs one after the other."""
    return jnp.concatenate(inputs, axis)


@named
def dot(x: Any, y: Any, axes: tuple[int, int]) -> Any:
    """Products of two inputs, summed over an axis of each, (batch, …rest of x, …rest of y)."""
    a, b = axes
    letters = "cdefgh"
    left = letters[: x.ndim - 2]
    right = letters[x.ndim - 2 : x.ndim + y.ndim - 4]
    first = "a" + left[: a - 1] + "b" + left[a - 1 :]
    second = "a" + right[: b - 1] + "b" + right[b - 1 :]
    out = jnp.einsum(f"{first},{second}->a{left}{right}", x, y)
    return out if out.ndim > 1 else out[:, None]
