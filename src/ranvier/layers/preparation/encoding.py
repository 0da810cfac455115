"""Integers as one-hot, multi-hot and count vectors."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ...core.errors import ArgumentError
from ...ops.recording import named

__all__ = ["check_mode", "encode"]


def check_mode(layer: str, mode: Any, allowed: tuple[str, ...]) -> str:
    """`mode`, refused unless it is among those allowed."""
    if mode not in allowed:
        raise ArgumentError(f"{layer}: output_mode must be one of {allowed}. Received: output_mode={mode!r}")
    return mode


@named
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
    # On the host in NumPy, where nothing is compiled for each new shape; traced arrays stay in the program.
    on_host = not isinstance(ids, Tracer) and not isinstance(weights, Tracer)
    xp: Any = np if on_host else jnp
    ids = xp.asarray(ids)
    ids = xp.atleast_1d(ids if xp.issubdtype(ids.dtype, np.integer) else ids.astype("int32"))
    if mode == "one_hot":
        if ids.ndim > 1 and ids.shape[-1] == 1:
            ids = ids[..., 0]
        return jnp.asarray((ids[..., None] == xp.arange(depth)).astype(dtype))
    flat = ids.reshape(-1, ids.shape[-1])
    amounts = xp.ones(flat.shape, dtype) if weights is None else xp.asarray(weights).astype(dtype).reshape(flat.shape)
    amounts = xp.where((flat >= 0) & (flat < depth), amounts, 0)
    at = xp.arange(flat.shape[0])[:, None], xp.clip(flat, 0, depth - 1)
    vectors = xp.zeros((flat.shape[0], depth), dtype)
    if on_host:
        (np.maximum if mode == "multi_hot" else np.add).at(vectors, at, amounts)
    else:
        vectors = vectors.at[at].max(amounts) if mode == "multi_hot" else vectors.at[at].add(amounts)
    return jnp.asarray(vectors.reshape(*ids.shape[:-1], depth))
