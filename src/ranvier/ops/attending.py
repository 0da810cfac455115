"""Attention with a gradient of its own, by a compiled kernel where it is installed.

Three things stand here: what attention means, in JAX's plain operations; a pure algorithm whose gradient reads the scores
fewer times than the derived one; and the kernel's call, which never writes the scores down.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.random import keep_mask
from .compiled import kernel_usable
from .fused import Fused
from .recording import named

__all__ = ["attend", "weights_of_scores"]


@named
def attend(
    query: Any, key: Any, value: Any, mask: Any, scale: float, seed: Any = None, rate: float = 0.0, zeros: bool = False
) -> Any:  # fmt: skip
    """softmax(query · keyᵀ · scale) · value, the weights with dropout.

    Args:
        query: (batch, T, N, H), float32 or float64 like key and value.
        key, value: (batch, S, N, H) and (batch, S, N, V).
        mask: True where a query may look, broadcast to (batch, N, T, S); None: everywhere.
        scale: factor of the scores.
        seed: two words for the dropout of the weights; None: no dropout.
        rate: the fraction of weights that is dropped.
        zeros: what a query gets that may look nowhere: zeros, or else the mean of all values.
    """
    rate = 0.0 if seed is None else rate
    if query.dtype == jnp.float32 and jax.default_backend() == "cpu" and kernel_usable("attend"):
        full = jnp.ones((0, 1, 1, 1), bool) if mask is None else mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        words = jnp.zeros(2, jnp.uint32) if seed is None else seed
        return _attend(query, key, value, full, words, scale=scale, rate=rate, zeros=zeros)[0]
    return _attended(query, key, value, mask, seed, scale, rate, zeros)


def weights_of_scores(scores: Any, mask: Any, zeros: bool) -> Any:
    """softmax over the last axis, in 32 bits at least, of what the mask leaves."""
    wide = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    if mask is not None:
        wide = jnp.where(mask, wide, _masked(wide.dtype))
    weights = jax.nn.softmax(wide, axis=-1)
    if mask is not None and zeros:
        weights = jnp.where(mask, weights, jnp.zeros((), weights.dtype))
    return weights.astype(scores.dtype)


def _masked(dtype: Any) -> Any:
    return jnp.asarray(jnp.finfo(dtype).min * 0.7, dtype)


def _kept(seed: Any, rate: float, scores: Any) -> Any:
    """The dropout's factors of the weights, which have the shape of the scores, (batch, N, T, S)."""
    kept = keep_mask(seed, 1 - rate, scores.shape)
    return jnp.where(kept, jnp.asarray(1 / (1 - rate), scores.dtype), jnp.zeros((), scores.dtype))


# --- by the kernel --------------------------------------------------------------------------------------------------


def _mask_of(full: Any) -> Any:
    return full if full.shape[0] else None


def _meaning(query: Any, key: Any, value: Any, mask: Any, seed: Any, *, scale: float, rate: float, zeros: bool) -> Any:
    scores = jnp.einsum("btnh,bsnh->bnts", query * scale, key)
    weights = weights_of_scores(scores, _mask_of(mask), zeros)
    if rate:
        weights = weights * _kept(seed, rate, scores)
    return (jnp.einsum("bnts,bsnv->btnv", weights, value),)


def _saving(query: Any, key: Any, value: Any, mask: Any, seed: Any, *, scale: float, rate: float, zeros: bool) -> Any:
    scores = jnp.einsum("btnh,bsnh->bnts", query * scale, key)
    if (seen := _mask_of(mask)) is not None:
        scores = jnp.where(seen, scores, _masked(scores.dtype))
    (result,) = _meaning(query, key, value, mask, seed, scale=scale, rate=rate, zeros=zeros)
    return result, result, jax.nn.logsumexp(scores, axis=-1)


def _backward(operands: Any, saved: Any, slopes: Any, **parameters: Any) -> Any:
    return jax.vjp(lambda *moving: _meaning(*moving, *operands[3:], **parameters), *operands[:3])[1](tuple(slopes))


def _attributes(scale: float, rate: float, zeros: bool) -> dict[str, Any]:
    threshold = np.int64(int((1 - rate) * 2**32))
    return {"scale": np.float32(scale), "rate": np.float32(rate), "threshold": threshold, "zeros": zeros}


def _like(*arrays: Any) -> list[Any]:
    return [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays]


def _saving_kernel(query: Any, key: Any, value: Any, mask: Any, seed: Any, **parameters: Any) -> Any:
    batch, times, heads, _ = query.shape
    made = (
        jax.ShapeDtypeStruct((*query.shape[:3], value.shape[-1]), query.dtype),
        jax.ShapeDtypeStruct((batch, heads, times), query.dtype),
    )
    call = jax.ffi.ffi_call("ranvier_attend", made)
    result, logs = call(query, key, value, mask, seed, **_attributes(**parameters))
    return result, result, logs


def _backward_kernel(operands: Any, saved: Any, slopes: Any, **parameters: Any) -> Any:
    call = jax.ffi.ffi_call("ranvier_attend_gradient", _like(*operands[:3]))
    return call(*operands, *saved, *slopes, **_attributes(**parameters))


def _fits(query: Any, key: Any, value: Any, *others: Any, **parameters: Any) -> bool:
    return query.dtype == key.dtype == value.dtype == "float32" and 0 not in (*query.shape, *key.shape, *value.shape)


_attend = Fused(
    "attend", _meaning, _saving, _backward, 3, lambda **parameters: 1, _saving_kernel, _backward_kernel, _fits
)  # fmt: skip

# --- purely ---------------------------------------------------------------------------------------------------------


@partial(jax.custom_vjp, nondiff_argnums=(5, 6, 7))
def _attended(query: Any, key: Any, value: Any, mask: Any, seed: Any, scale: float, rate: float, zeros: bool) -> Any:
    """The pure algorithm, with a gradient of its own, which reads the scores' size fewer times than the derived one.

    The weights stay unnormalised, E = exp(scores − max), and the small results are divided by their sums Z instead:
    O = (D ⊙ E) V / Z, where D are the dropout's factors. Backwards, with G = dO / Z: dV = (D ⊙ E)ᵀ G, and the scores get
    E ⊙ (D ⊙ G Vᵀ − rowsum(G ⊙ O)), as in Dao et al., 2022, appendix B. Everything lies with time last,
    (batch, N, H, T), which CPUs multiply fastest. Its gradient is a rule for reverse mode alone: `jax.jvp` refuses it.
    """
    return _attended_forward(query, key, value, mask, seed, scale, rate, zeros)[0]


def _attended_forward(
    query: Any, key: Any, value: Any, mask: Any, seed: Any, scale: float, rate: float, zeros: bool
) -> tuple[Any, Any]:
    query, key, value = (jnp.transpose(x, (0, 2, 3, 1)) for x in (query, key, value))
    scores = jnp.einsum("bnhs,bnht->bnst", key, query * jnp.asarray(scale, query.dtype))
    if mask is not None:
        mask = jnp.swapaxes(mask, -1, -2)
        scores = jnp.where(mask, scores, _masked(scores.dtype))
    unnormalised = jnp.exp(scores - jnp.max(scores, axis=-2, keepdims=True))
    inverse = 1 / jnp.sum(unnormalised, axis=-2, keepdims=True)
    if mask is not None and zeros:
        unnormalised = jnp.where(mask, unnormalised, jnp.zeros((), scores.dtype))
    dropped = unnormalised if seed is None else unnormalised * _kept_across(seed, rate, scores)
    result = jnp.einsum("bnvs,bnst->bnvt", value, dropped) * inverse
    return jnp.transpose(result, (0, 3, 1, 2)), (query, key, value, mask, seed, unnormalised, inverse, result)


def _kept_across(seed: Any, rate: float, scores: Any) -> Any:
    batch, n, s, t = scores.shape
    return jnp.swapaxes(_kept(seed, rate, jax.ShapeDtypeStruct((batch, n, t, s), scores.dtype)), -1, -2)


def _attended_backward(scale: float, rate: float, zeros: bool, saved: Any, gradient: Any) -> tuple[Any, ...]:
    query, key, value, mask, seed, unnormalised, inverse, result = saved
    scaled = jnp.transpose(gradient, (0, 2, 3, 1)) * inverse
    kept = None if seed is None else _kept_across(seed, rate, unnormalised)
    by_value = jnp.einsum("bnvt,bnst->bnvs", scaled, unnormalised if kept is None else unnormalised * kept)
    along = jnp.sum(scaled * result, axis=-2, keepdims=True)
    by_weights = jnp.einsum("bnvs,bnvt->bnst", value, scaled)
    by_scores = unnormalised * ((by_weights if kept is None else by_weights * kept) - along)
    if mask is not None:  # where a query may look nowhere, masked weights are not 0
        by_scores = jnp.where(mask, by_scores, jnp.zeros((), by_scores.dtype))
    factor = jnp.asarray(scale, query.dtype)
    by_query = jnp.einsum("bnhs,bnst->bnht", key, by_scores) * factor
    by_key = jnp.einsum("bnht,bnst->bnhs", query, by_scores) * factor
    return *(jnp.transpose(x, (0, 3, 1, 2)) for x in (by_query, by_key, by_value)), None, None


_attended.defvjp(_attended_forward, _attended_backward)
