"""Encodings, moments, normalisations and cross-entropies."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from ..core import settings
from ..core.dtypes import standardize_dtype
from ..core.errors import ArgumentError, ShapeError
from .normalizing import normalize_rows
from .symbolic import op
from .tensors import as_array, tensor

__all__ = [
    "batch_normalization", "binary_crossentropy", "categorical_crossentropy",
    "layer_normalization", "moments", "multi_hot", "normalize", "one_hot", "psnr", "rms_normalization",
    "sparse_categorical_crossentropy",
]  # fmt: skip


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Vectors with a 1 at the place that each integer names; integers out of range give zeros."""
    return jax.nn.one_hot(as_array(x), num_classes, axis=axis, dtype=standardize_dtype(dtype))


@op
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any
) -> Any:
    """One vector for each row of integers, with 1 at every place that they name.

    Args:
        inputs: integers, (…, n) or (n,).
        num_classes: the length of the vectors.
        axis: where the vectors' axis goes.
        dtype: the result's dtype; None: `floatx()`.
        sparse: only False: there are no sparse tensors here.
        **kwargs: `num_tokens`, the old name of `num_classes`.
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs or num_classes is None:
        raise ArgumentError(f"multi_hot needs num_classes, and takes no {sorted(kwargs)}.")
    inputs = as_array(inputs)
    reduce = 1 if inputs.ndim > 1 else 0
    return jnp.max(jax.nn.one_hot(inputs, num_classes, axis=axis, dtype=standardize_dtype(dtype)), axis=reduce)


@op
def normalize(x: Any, axis: int = -1, order: float = 2, epsilon: float | None = None) -> Any:
    """`x` over its norm of this order along `axis`; norms of 16-bit inputs are computed in 32 bits."""
    given = as_array(x)
    x = _wide(given)
    epsilon = settings.epsilon() if epsilon is None else epsilon
    if order == 2:
        y = x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), epsilon**2))
    else:
        y = x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=axis, keepdims=True), epsilon)
    return y if x is given else y.astype(given.dtype)


def _wide(x: Any) -> Any:
    return x.astype("float32") if x.dtype in (jnp.float16, jnp.bfloat16) else x


@op
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over `axes`; 16-bit inputs are summed in 32 bits."""
    x = as_array(x)
    wide = _wide(x)
    mean = jnp.mean(wide, axes, keepdims=True)
    variance = jnp.mean(jnp.square(wide - jax.lax.stop_gradient(mean)), axes, keepdims=True) - jnp.square(
        mean - jax.lax.stop_gradient(mean)
    )
    if not keepdims:
        mean, variance = jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)
    return mean.astype(x.dtype), variance.astype(x.dtype)


@op
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """(x − mean) / √(variance + ε) · scale + offset, the vectors lying along `axis`: Ioffe & Szegedy, 2015."""
    x = as_array(x)
    shape = [1] * x.ndim
    shape[axis] = jnp.shape(tensor(mean))[0]

    def along(v: Any) -> Any:
        return jnp.reshape(as_array(v), shape)

    factor = jax.lax.rsqrt(along(variance) + epsilon)
    if scale is not None:
        factor = factor * along(scale)
    shift = -along(mean) * factor
    if offset is not None:
        shift = shift + along(offset)
    return x * factor + shift


@op
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Any:
    """(x − mean) / √(variance + ε) · γ + β with the statistics of each sample: Ba et al., 2016."""
    x = as_array(x)
    epsilon = settings.epsilon() if epsilon is None else epsilon
    if x.dtype == jnp.float32 and x.ndim > 1 and axis in (-1, x.ndim - 1, [-1], [x.ndim - 1]):
        scale = jnp.ones(x.shape[-1]) if gamma is None else jnp.ravel(as_array(gamma))
        shift = jnp.zeros(x.shape[-1]) if beta is None else jnp.ravel(as_array(beta))
        return normalize_rows(x, scale.astype(x.dtype), shift.astype(x.dtype), epsilon)
    wide = _wide(x)
    mean = jnp.mean(wide, axis, keepdims=True)
    variance = jnp.mean(jnp.square(wide - mean), axis, keepdims=True)
    out = (wide - mean) * jax.lax.rsqrt(variance + epsilon)
    if gamma is not None:
        out = out * _along(gamma, x, axis)
    if beta is not None:
        out = out + _along(beta, x, axis)
    return out.astype(x.dtype)


@op
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """x / √(mean(x²) + ε) · scale: Zhang & Sennrich, 2019; 16-bit inputs are squared in 32 bits."""
    x = as_array(x)
    epsilon = settings.epsilon() if epsilon is None else epsilon
    wide = _wide(x)
    out = (wide * jax.lax.rsqrt(jnp.mean(jnp.square(wide), axis, keepdims=True) + epsilon)).astype(x.dtype)
    return out if scale is None else out * _along(scale, x, axis)


def _along(vector: Any, x: Any, axis: Any) -> Any:
    axes = [a % x.ndim for a in (axis if isinstance(axis, (list, tuple)) else [axis])]
    return jnp.reshape(as_array(vector), [x.shape[i] if i in axes else 1 for i in range(x.ndim)])


def _clip(p: Any) -> Any:
    epsilon = settings.epsilon()
    return jnp.clip(p, epsilon, 1 - epsilon)


def _matching(target: Any, output: Any) -> tuple[Any, Any]:
    target, output = as_array(target), as_array(output)
    if target.shape != output.shape:
        raise ShapeError(f"target and output must have the same shape. Received: {target.shape} and {output.shape}")
    return target, output


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """−Σ target · log(output) along `axis`; `output` are probabilities (scaled to sum 1) or logits."""
    target, output = _matching(target, output)
    if target.ndim < 1:
        raise ShapeError("categorical_crossentropy takes tensors of one axis or more.")
    if from_logits:
        log_p = jax.nn.log_softmax(output, axis)
    else:
        log_p = jnp.log(_clip(output / jnp.sum(output, axis, keepdims=True)))
    return -jnp.sum(target * log_p, axis=axis)


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """−log(output) at the class that `target` names."""
    target, output = as_array(target), as_array(output)
    if output.ndim < 1:
        raise ShapeError("sparse_categorical_crossentropy takes an output of one axis or more.")
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    target = target.astype("int32")
    axis = axis % output.ndim
    if target.shape != (*output.shape[:axis], *output.shape[axis + 1 :]):
        raise ShapeError(
            "target must have the shape of output without its class axis. "
            f"Received: target {target.shape}, output {output.shape}"
        )
    log_p = jax.nn.log_softmax(output, axis) if from_logits else jnp.log(
        _clip(output / jnp.sum(output, axis, keepdims=True))
    )  # fmt: skip
    hot = jax.nn.one_hot(target, output.shape[axis], axis=axis, dtype=log_p.dtype)
    return -jnp.sum(hot * log_p, axis=axis)


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """−target · log(output) − (1 − target) · log(1 − output), element by element."""
    target, output = _matching(target, output)
    if from_logits:
        return jnp.maximum(output, 0) - output * target + jnp.log1p(jnp.exp(-jnp.abs(output)))
    output = _clip(output)
    return -(target * jnp.log(output) + (1 - target) * jnp.log(1 - output))


@op
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """The peak signal-to-noise ratio in decibels."""
    x1, x2 = _matching(x1, x2)
    return 20 * math.log10(max_val) - 10 * jnp.log10(jnp.mean(jnp.square(x1 - x2)))
