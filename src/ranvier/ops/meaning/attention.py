"""Parts of attention: how well keys answer queries."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..recording import named

__all__ = ["additive_scores", "concat_scores", "dot_scores", "matmul", "zero_unmasked"]


@named
def dot_scores(query: Any, key: Any, scale: Any = None) -> Any:
    """query · keyᵀ · scale, (..., T, S)."""
    scores = jnp.matmul(query, jnp.swapaxes(key, -1, -2))
    return scores if scale is None else scores * scale


@named
def concat_scores(query: Any, key: Any, weight: Any, scale: Any = None) -> Any:
    """weight · Σ tanh(scale · (query + key)), (..., T, S)."""
    summed = query[..., :, None, :] + key[..., None, :, :]  # (..., T, S, d)
    if scale is not None:
        summed = summed * scale
    return weight * jnp.sum(jnp.tanh(summed), axis=-1)


@named
def additive_scores(query: Any, key: Any, scale: Any = None) -> Any:
    """Σ scale · tanh(query + key), (..., T, S)."""
    scored = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])  # (..., T, S, d)
    return jnp.sum(scored if scale is None else scored * scale, axis=-1)


@named
def matmul(x: Any, y: Any) -> Any:
    """The product of the last two axes."""
    return jnp.matmul(x, y)


@named
def zero_unmasked(x: Any, mask: Any) -> Any:
    """x, (..., features), with zeros where the mask, (...), is False."""
    return jnp.where(jnp.asarray(mask, "bool")[..., None], x, jnp.zeros((), x.dtype))
