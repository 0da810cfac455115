"""What normalising layers compute, written out: statistics, normalised values, scale and shift."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.settings import epsilon
from .capture import Call
from .replays import Tap, arguments_of

__all__ = ["batch", "groups", "layer_wise", "root_mean_square", "standardized", "unit"]

_MEAN = ("mean", "μ")
_VARIANCE = ("variance", "σ²")
_NORMALISED = ("normalised", "x̂")


def _wide(x: Any) -> Any:
    return x.astype("float32") if x.dtype in (jnp.float16, jnp.bfloat16) else x


def _along(vector: Any, x: Any, axes: Any) -> Any:
    """A weight with a size for each of `axes`, in a shape that broadcasts over `x`."""
    axes = [a % x.ndim for a in (axes if isinstance(axes, (list, tuple)) else [axes])]
    return vector.reshape([s if i in axes else 1 for i, s in enumerate(x.shape)])


def _scaled_and_shifted(y: Any, layer: Any, tap: Tap, axes: Any) -> Any:
    if getattr(layer, "gamma", None) is not None:
        gamma = _along(layer.gamma.value, y, axes)
        y = tap("scaled", "γx̂", "the normalised values times the trained scale γ", y * gamma)
    if getattr(layer, "beta", None) is not None:
        beta = _along(layer.beta.value, y, axes)
        y = tap("shifted", "γx̂ + β", "with the trained shift β: the output", y + beta)
    return y


def batch(call: Call, tap: Tap) -> Any:
    """`BatchNormalization`: the statistics of the batch in training, the moving averages otherwise."""
    layer, given = call.layer, arguments_of(call)
    x = _wide(given["inputs"])
    learning = given["training"] and layer.trainable
    if learning:
        mean, variance = layer._moments(x, given["mask"])
        whose = "of each channel over the batch"
    else:
        mean, variance = layer.moving_mean.value, layer.moving_variance.value
        whose = "of each channel: the moving average from training"
    mean = tap(*_MEAN, f"the mean {whose}", mean[None], ("channel",))[0]
    variance = tap(*_VARIANCE, f"the variance {whose}", variance[None], ("channel",))[0]
    y = (x - layer._along(mean, x)) / jnp.sqrt(layer._along(variance, x) + layer.epsilon)
    y = tap(*_NORMALISED, "(x − μ) / √(σ² + ε)", y)
    if learning and layer.renorm:
        r, d = layer._renormalized(mean, variance)
        tap.note("r", "r", "the correction's factor, towards the moving statistics", r[None], ("channel",))
        tap.note("d", "d", "the correction's shift, towards the moving statistics", d[None], ("channel",))
        y = tap("corrected", "x̂r + d", "the normalised values, corrected", y * layer._along(r, x) + layer._along(d, x))
    return _scaled_and_shifted(y, layer, tap, layer.axis).astype(layer.compute_dtype)


def layer_wise(call: Call, tap: Tap) -> Any:
    """`LayerNormalization`: the statistics of each sample over its features."""
    layer = call.layer
    x = _wide(arguments_of(call)["inputs"])
    axes = tuple(layer.axis) if isinstance(layer.axis, list) else (layer.axis,)
    mean = tap(*_MEAN, "the mean over the features", jnp.mean(x, axes, keepdims=True))
    difference = x - mean
    variance = jnp.mean(jnp.square(difference), axes, keepdims=True)
    variance = tap(*_VARIANCE, "the variance over the features", variance)
    top = x if layer.rms_scaling else difference
    y = top / jnp.sqrt(variance + layer.epsilon)
    y = tap(*_NORMALISED, "x / √(σ² + ε)" if layer.rms_scaling else "(x − μ) / √(σ² + ε)", y)
    return _scaled_and_shifted(y, layer, tap, layer.axis).astype(layer.compute_dtype)


def groups(call: Call, tap: Tap) -> Any:
    """`GroupNormalization`: the statistics of each sample over groups of channels."""
    layer = call.layer
    x = _wide(arguments_of(call)["inputs"])
    axis, shape = layer.axis % x.ndim, x.shape
    split = x.reshape(*shape[:axis], layer.groups, shape[axis] // layer.groups, *shape[axis + 1 :])
    reduced = tuple(i for i in range(1, split.ndim) if i != axis)
    mean = tap(*_MEAN, "the mean of each group of channels", jnp.mean(split, reduced), ("group",))
    mean = jnp.expand_dims(mean, reduced)
    variance = jnp.mean(jnp.square(split - mean), reduced)
    variance = tap(*_VARIANCE, "the variance of each group of channels", variance, ("group",))
    y = ((split - mean) / jnp.sqrt(jnp.expand_dims(variance, reduced) + layer.epsilon)).reshape(shape)
    y = tap(*_NORMALISED, "(x − μ) / √(σ² + ε)", y)
    return _scaled_and_shifted(y, layer, tap, axis).astype(layer.compute_dtype)


def root_mean_square(call: Call, tap: Tap) -> Any:
    """`RMSNormalization`: each sample over the root of its mean square."""
    layer = call.layer
    x = arguments_of(call)["inputs"]
    square = jnp.mean(jnp.square(x), layer.axis if isinstance(layer.axis, int) else tuple(layer.axis), keepdims=True)
    square = tap("mean square", "mean x²", "the mean of the squares over the features", square)
    y = tap(*_NORMALISED, "x / √(mean x² + ε)", x / jnp.sqrt(square + layer.epsilon))
    scale = _along(layer.scale.value, x, layer.axis)
    return tap("scaled", "scale · x̂", "times the trained scale: the output", y * scale).astype(layer.compute_dtype)


def unit(call: Call, tap: Tap) -> Any:
    """`UnitNormalization`: each sample over its length."""
    layer = call.layer
    x = arguments_of(call)["inputs"]
    axes = tuple(layer.axis) if isinstance(layer.axis, list) else layer.axis
    length = tap("length", "‖x‖", "the Euclidean length", jnp.sqrt(jnp.sum(jnp.square(x), axes, keepdims=True)))
    return x / jnp.maximum(length, 1e-12)


def standardized(call: Call, tap: Tap) -> Any:
    """`Normalization`, which prepares data: a mean and a variance that were given or found in data."""
    layer = call.layer
    x = jnp.asarray(arguments_of(call)["inputs"], layer.compute_dtype)
    mean = tap(*_MEAN, "the mean that was given, or found by adapt()", layer.mean.astype(x.dtype))
    variance = tap(*_VARIANCE, "the variance that was given, or found by adapt()", layer.variance.astype(x.dtype))
    deviation = jnp.maximum(jnp.sqrt(variance), jnp.asarray(epsilon(), x.dtype))
    return mean + x * deviation if layer.invert else (x - mean) / deviation
