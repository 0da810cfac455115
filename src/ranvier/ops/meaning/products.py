"""Affine maps: products with a kernel, and the bias that follows."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..products import affine_rows
from ..recording import named

__all__ = ["dense", "einsum_dense", "embedding", "low_rank"]


@named
def dense(inputs: Any, kernel: Any, bias: Any = None, shared_axes: int = 1) -> Any:
    """xW + b, summed over the last `shared_axes` axes of x, which are the first of W.   (..., in) → (..., units)"""
    return affine_rows(inputs, kernel, bias, shared_axes)


@named
def einsum_dense(equation: str, inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """einsum(equation, x, W) + b."""
    y = jnp.einsum(equation, inputs, kernel)
    return y if bias is None else y + bias


@named
def embedding(inputs: Any, embeddings: Any, dtype: Any = None) -> Any:
    """The rows of a table that integers name.

    Args:
        inputs: integers, any shape.
        embeddings: (integers, features).
        dtype: the result's; None: the table's.
    """
    table = embeddings if dtype is None else embeddings.astype(dtype)
    return jnp.take(table, jnp.asarray(inputs, "int32"), axis=0)


@named
def low_rank(w: Any, a: Any, b: Any, scale: Any) -> Any:
    """W with a product of two thin matrices added, W + scale · A B."""
    return w + (scale * jnp.matmul(a, b)).astype(w.dtype)
