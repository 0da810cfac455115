"""Integers as one-hot, multi-hot and count vectors."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError

__all__ = ["check_mode", "encode"]


def check_mode(layer: str, mode: Any, allowed: tuple[str, ...]) -> str:
    """`mode`, refused unless it is among those allowed."""
    if mode not in allowed:
        raise ArgumentError(f"{layer}: output_mode must be one of {allowed}. Received: output_mode={mode!r}")
    return mode


def encode(ids: Any, mode: str, depth: int, dtype: Any, weights: Any = None) -> Any:
    """Integers as vectors of `depth` numbers; integers outside 0 … depth − 1 count for nothing.

    Args:
        ids: (…, n) integers.
        mode: ``"one_hot"``: a vector for each → (…, n, depth), an axis of size 1 at the end taken away first;
            ``"multi_hot"``: 1 for each that occurs along the last axis → (…, depth); ``"count"``: how often.
        depth: the vectors' size.
        dtype: of the vectors.
        weights: what each counts, instead of 1; (…, n).
    """
    ids = jnp.asarray(ids)
    ids = jnp.atleast_1d(ids if jnp.issubdtype(ids.dtype, jnp.integer) else ids.astype("int32"))
    ids = jnp.where(ids < 0, depth, ids)  # out of range: dropped
    if mode == "one_hot":
        if ids.ndim > 1 and ids.shape[-1] == 1:
            ids = ids[..., 0]
        return (ids[..., None] == jnp.arange(depth, dtype=ids.dtype)).astype(dtype)
    flat = ids.reshape(-1, ids.shape[-1])
    rows = jnp.broadcast_to(jnp.arange(flat.shape[0])[:, None], flat.shape)
    vectors = jnp.zeros((flat.shape[0], depth), dtype)
    if mode == "multi_hot":
        vectors = vectors.at[rows, flat].set(1, mode="drop")
    else:
        amounts = 1 if weights is None else jnp.asarray(weights, dtype).reshape(flat.shape)
        vectors = vectors.at[rows, flat].add(amounts, mode="drop")
    return vectors.reshape(*ids.shape[:-1], depth)
