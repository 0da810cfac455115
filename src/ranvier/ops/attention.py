"""Attention: averages of values, weighted by how well their keys answer a query."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ..core.errors import ArgumentError, ShapeError
from ..core.settings import is_flash_attention_enabled
from .attending import attend, weights_of_scores
from .recording import named
from .symbolic import op
from .tensors import as_array

__all__ = ["attention_scores", "attention_weights", "dot_product_attention", "positions_mask", "weighted_values"]


@op
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """softmax(query · keyᵀ · scale + bias) · value over (batch, time, heads, features).

    Vaswani et al., 2017, equation 1. Where there are fewer key heads than query heads, each serves a group of
    neighbouring query heads: Ainslie et al., 2023.

    Args:
        query: (batch, T, N, H).
        key: (batch, S, K, H), where K divides N.
        value: (batch, S, K, V).
        bias: added to the scores, (batch, N, T, S) or broadcast to that.
        mask: True where a query may look, (batch, N, T, S) or broadcast to that; with 3 axes, (batch, T, S).
        scale: factor of the scores; None: 1 / √H.
        is_causal: whether a query sees only keys up to its own place.
        flash_attention: True: cuDNN's fused kernel, on NVIDIA GPUs; otherwise whatever is at hand.
        attn_logits_soft_cap: c of c · tanh(score / c), which bounds the scores; None: unbounded.

    Raises:
        ShapeError: inputs that are not of rank 4, or do not fit together.
        ArgumentError: the fused kernel was asked for where there is none.

    >>> import numpy as np
    >>> one = np.ones((1, 3, 2, 4), "float32")
    >>> dot_product_attention(one, one, one).shape
    (1, 3, 2, 4)
    """
    query, key, value = (as_array(t) for t in (query, key, value))
    _check(query, key, value)
    bias = None if bias is None else as_array(bias)
    mask = None if mask is None else _four_axes(as_array(mask).astype("bool"))
    if flash_attention is None and is_flash_attention_enabled():
        narrow = query.dtype == key.dtype == value.dtype and query.dtype in (jnp.float16, jnp.bfloat16)
        flash_attention = narrow and attn_logits_soft_cap is None and jax.default_backend() == "gpu"
    if flash_attention:
        return _fused(query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap)
    if is_causal:
        seen = positions_mask(query.shape[1], key.shape[1], causal=True)
        mask = seen if mask is None else mask & seen
    same = query.dtype == key.dtype == value.dtype and query.dtype in (jnp.float32, jnp.float64)
    if same and query.shape[2] == key.shape[2] and bias is None and attn_logits_soft_cap is None:
        return attend(query, key, value, mask, query.shape[-1] ** -0.5 if scale is None else float(scale))
    scores = attention_scores(query, key, scale, attn_logits_soft_cap)
    if bias is not None:
        scores = scores + bias
    return weighted_values(attention_weights(scores, mask), value).astype(jnp.result_type(query, key, value))


@named
def attention_scores(query: Any, key: Any, scale: float | None = None, soft_cap: float | None = None) -> Any:
    """query · keyᵀ · scale.   (batch, T, N, H), (batch, S, K, H) → (batch, N, T, S)"""
    batch, t, n, h = query.shape
    s, k = key.shape[1:3]
    query = query * (h**-0.5 if scale is None else float(scale))  # a Python number keeps the query's dtype
    if k == n:
        scores = jnp.einsum("btnh,bsnh->bnts", query, key)
    else:
        grouped = query.reshape(batch, t, k, n // k, h)
        scores = jnp.einsum("btkgh,bskh->bkgts", grouped, key).reshape(batch, n, t, s)
    return scores if soft_cap is None else soft_cap * jnp.tanh(scores / soft_cap)


@named
def attention_weights(scores: Any, mask: Any = None, nothing_seen: str = "uniform") -> Any:
    """softmax(scores) over the last axis, computed in 32 bits at least.

    Args:
        scores: (..., T, S).
        mask: True where a query may look, broadcast to the scores.
        nothing_seen: what a query gets that may look nowhere: ``"uniform"`` weights or ``"zeros"``.
    """
    return weights_of_scores(scores, mask, nothing_seen == "zeros")


@named
def weighted_values(weights: Any, value: Any) -> Any:
    """weights · value.   (batch, N, T, S), (batch, S, K, V) → (batch, T, N, V)"""
    batch, n, t, s = weights.shape
    k, v = value.shape[2:]
    if k == n:
        return jnp.einsum("bnts,bsnv->btnv", weights, value)
    grouped = weights.reshape(batch, k, n // k, t, s)
    return jnp.einsum("bkgts,bskv->btkgv", grouped, value).reshape(batch, t, n, v)


@partial(named, makes=True)
def positions_mask(queries: int, keys: int, causal: bool = False, window: int | None = None) -> Any:
    """Which places may look at which, (queries, keys): comparisons of counters, which fuse into their use.

    Args:
        queries: the number of queries, T.
        keys: the number of keys, S.
        causal: a query sees no keys after its place.
        window: a query sees keys fewer than so many places away.
    """
    row = jax.lax.broadcasted_iota(jnp.int32, (queries, keys), 0)
    column = jax.lax.broadcasted_iota(jnp.int32, (queries, keys), 1)
    seen = row >= column if causal else jnp.ones((queries, keys), bool)
    return seen if window is None else seen & (jnp.abs(row - column) < window)


def _check(query: Any, key: Any, value: Any) -> None:
    shapes = f"Received: query {query.shape}, key {key.shape}, value {value.shape}"
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ShapeError(f"dot_product_attention takes (batch, time, heads, features) three times. {shapes}")
    if query.shape[3] != key.shape[3]:
        raise ShapeError(f"query and key must have the same number of features. {shapes}")
    if key.shape[:3] != value.shape[:3]:
        raise ShapeError(f"key and value must have the same batch, time and heads. {shapes}")
    if query.shape[2] % key.shape[2]:
        raise ShapeError(f"The heads of key must divide those of query. {shapes}")


def _four_axes(mask: Any) -> Any:
    """A mask as (batch, N, T, S); one of 3 axes is the same for all heads."""
    return jnp.expand_dims(mask, 1) if mask.ndim == 3 else mask


def _fused(query: Any, key: Any, value: Any, bias: Any, mask: Any, scale: Any, is_causal: bool, soft_cap: Any) -> Any:
    """cuDNN's kernel, which never holds the scores: Dao et al., 2022."""
    if soft_cap is not None:
        raise ArgumentError(f"flash_attention=True has no attn_logits_soft_cap. Received: {soft_cap!r}")
    if jax.default_backend() != "gpu":
        raise ArgumentError(
            "flash_attention=True asks for cuDNN's kernel, which runs on NVIDIA GPUs only; this process computes on "
            f"'{jax.default_backend()}'. Leave it None to use what is at hand."
        )
    return jax.nn.dot_product_attention(
        query, key, value, bias, mask, scale=scale, is_causal=is_causal, implementation="cudnn"
    )
