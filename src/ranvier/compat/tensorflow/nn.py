"""``tf.nn``: activations, convolutions, pooling, normalisation, cross-entropies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import ops
from ...core.errors import ArgumentError
from ...ops.symbolic import op
from .arrays import gather
from .declaring import as_axis, unary
from .math import in_top_k, l2_normalize, log_softmax, sigmoid, softmax, softplus, softsign, tanh, top_k, zero_fraction
from .shapes import static_shape
from .tensors import array_of

__all__ = [
    "atrous_conv2d", "avg_pool", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_normalization", "bias_add",
    "compute_average_loss", "conv1d", "conv1d_transpose", "conv2d", "conv2d_transpose", "conv3d", "conv3d_transpose",
    "convolution", "crelu", "depth_to_space", "depthwise_conv2d", "dropout", "elu", "embedding_lookup", "gelu",
    "in_top_k", "l2_loss", "l2_normalize", "leaky_relu", "local_response_normalization", "log_poisson_loss",
    "log_softmax", "lrn", "max_pool", "max_pool1d", "max_pool2d", "max_pool3d", "moments", "normalize_moments",
    "pool", "relu", "relu6", "scale_regularization_loss", "selu", "separable_conv2d", "sigmoid",
    "sigmoid_cross_entropy_with_logits", "silu", "softmax", "softmax_cross_entropy_with_logits", "softplus",
    "softsign", "space_to_depth", "sparse_softmax_cross_entropy_with_logits", "swish", "tanh", "top_k",
    "weighted_cross_entropy_with_logits", "zero_fraction",
]  # fmt: skip

relu = unary("relu", jax.nn.relu, "x where it is positive, else 0.")
relu6 = unary("relu6", jax.nn.relu6, "x, but at least 0 and at most 6.")
selu = unary("selu", jax.nn.selu, "The scaled exponential linear unit: Klambauer et al., 2017.")


@op
def elu(features: Any, name: str | None = None) -> Any:
    """x where it is positive, else exp(x) - 1."""
    return jax.nn.elu(array_of(features))


@op
def crelu(features: Any, axis: int = -1, name: str | None = None) -> Any:
    """`relu` of x and of -x, one after the other along `axis`."""
    x = array_of(features)
    return jax.nn.relu(jnp.concatenate([x, -x], axis))


@op
def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Any:
    """x where it is positive, else alpha x."""
    x = array_of(features)
    return jnp.where(x > 0, x, x * jnp.asarray(alpha, x.dtype))


@op
def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Any:
    """x times the normal distribution's function of x: Hendrycks and Gimpel, 2016."""
    return jax.nn.gelu(array_of(features), approximate=approximate)


@op
def silu(features: Any, beta: float = 1.0) -> Any:
    """x sigmoid(beta x)."""
    x = array_of(features)
    return x * jax.nn.sigmoid(beta * x)


swish = silu


# --- convolutions -----------------------------------------------------------------------------------------------------


def _format(data_format: str | None) -> str:
    if data_format is None or data_format in ("NHWC", "NWC", "NDHWC"):
        return "channels_last"
    if data_format in ("NCHW", "NCW", "NCDHW"):
        return "channels_first"
    raise ArgumentError(f"data_format must be such as 'NHWC' or 'NCHW'. Received: data_format={data_format!r}")


def _inner(value: Any, axes: int, layout: str) -> tuple[int, ...]:
    """Strides, sizes or dilations of the inner axes, given for them, for all axes, or as one number."""
    if value is None:
        return (1,) * axes
    sizes = static_shape(value)
    if len(sizes) == 1:
        return sizes * axes
    if len(sizes) == axes + 2:
        return sizes[1:-1] if layout == "channels_last" else sizes[2:]
    return sizes


def _padding(padding: Any, layout: str, axes: int) -> Any:
    if isinstance(padding, str):
        return padding.lower()
    pairs = [tuple(map(int, p)) for p in padding]
    return pairs[1 : axes + 1] if layout == "channels_last" else pairs[2:]


def _convolve(
    x: Any, filters: Any, strides: Any, padding: Any, data_format: str | None, dilations: Any, axes: int
) -> Any:
    layout = _format(data_format)
    x, filters = array_of(x), array_of(filters)
    strides, dilations = _inner(strides, axes, layout), _inner(dilations, axes, layout)
    pads = _padding(padding, layout, axes)
    if not isinstance(pads, str):
        ends = [(0, 0), *pads, (0, 0)] if layout == "channels_last" else [(0, 0), (0, 0), *pads]
        x, pads = ops.pad(x, ends), "valid"
    return ops.conv(x, filters, strides, pads, layout, dilations)


def conv1d(
    input: Any,
    filters: Any,
    stride: Any,
    padding: Any,
    data_format: str = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolution over one axis: (batch, width, in) with (width, in, out)."""
    return _convolve(input, filters, stride, padding, data_format, dilations, 1)


def conv2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolution over two axes: (batch, height, width, in) with (height, width, in, out)."""
    return _convolve(input, filters, strides, padding, data_format, dilations, 2)


def conv3d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolution over three axes."""
    return _convolve(input, filters, strides, padding, data_format, dilations, 3)


def convolution(
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Convolution over as many axes as `filters` has besides channels."""
    return _convolve(input, filters, strides, padding, data_format, dilations, len(filters.shape) - 2)


def _transposed(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any,
    data_format: str | None,
    dilations: Any,
    axes: int,
) -> Any:
    """The gradient of a convolution with respect to its input, which is what is meant by its transpose."""
    shape = static_shape(output_shape)
    x, filters = array_of(input), array_of(filters)
    if len(shape) == axes + 1:
        shape = (x.shape[0], *shape)

    def forward(given: Any) -> Any:
        return _convolve(given, filters, strides, padding, data_format, dilations, axes)

    expected, pull = jax.vjp(forward, jnp.zeros(shape, x.dtype))
    if expected.shape != x.shape:
        raise ArgumentError(
            f"output_shape {shape} does not fit: its convolution has shape {tuple(expected.shape)}, the input {tuple(x.shape)}"
        )
    return pull(x)[0]


@op
def conv1d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transpose of `conv1d`, with filters (width, out, in)."""
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 1)


@op
def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transpose of `conv2d`, with filters (height, width, out, in)."""
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 2)


@op
def conv3d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The transpose of `conv3d`."""
    return _transposed(input, filters, output_shape, strides, padding, data_format, dilations, 3)


def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """A convolution of each channel for itself, with filters (height, width, channels, multiplier)."""
    layout = _format(data_format)
    strides, dilations = _inner(strides, 2, layout), _inner(dilations, 2, layout)
    return ops.depthwise_conv(array_of(input), array_of(filter), strides, padding.lower(), layout, dilations)


def separable_conv2d(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """`depthwise_conv2d`, then a 1 x 1 convolution."""
    found = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return ops.conv(found, array_of(pointwise_filter), 1, "valid", _format(data_format))


# --- pooling ----------------------------------------------------------------------------------------------------------


def _pool(x: Any, ksize: Any, strides: Any, padding: str, data_format: str | None, axes: int, largest: bool) -> Any:
    layout = _format(data_format)
    function = ops.max_pool if largest else ops.average_pool
    size = _inner(ksize, axes, layout)
    return function(
        array_of(x), size, size if strides is None else _inner(strides, axes, layout), padding.lower(), layout
    )


def max_pool1d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NWC", name: str | None = None
) -> Any:
    """The largest number of each window over one axis."""
    return _pool(input, ksize, strides, padding, data_format, 1, True)


def max_pool2d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """The largest number of each window over two axes."""
    return _pool(input, ksize, strides, padding, data_format, 2, True)


def max_pool3d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NDHWC", name: str | None = None
) -> Any:
    """The largest number of each window over three axes."""
    return _pool(input, ksize, strides, padding, data_format, 3, True)


def max_pool(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str | None = None, name: str | None = None
) -> Any:
    """The largest number of each window over all inner axes."""
    return _pool(input, ksize, strides, padding, data_format, len(input.shape) - 2, True)


def avg_pool1d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NWC", name: str | None = None
) -> Any:
    """The mean of each window over one axis."""
    return _pool(input, ksize, strides, padding, data_format, 1, False)


def avg_pool2d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """The mean of each window over two axes."""
    return _pool(input, ksize, strides, padding, data_format, 2, False)


def avg_pool3d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NDHWC", name: str | None = None
) -> Any:
    """The mean of each window over three axes."""
    return _pool(input, ksize, strides, padding, data_format, 3, False)


def avg_pool(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str | None = None, name: str | None = None
) -> Any:
    """The mean of each window over all inner axes."""
    return _pool(input, ksize, strides, padding, data_format, len(input.shape) - 2, False)


def pool(
    input: Any,
    window_shape: Any,
    pooling_type: str,
    strides: Any = None,
    padding: str = "VALID",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """The largest number (``"MAX"``) or the mean (``"AVG"``) of each window."""
    if pooling_type not in ("MAX", "AVG"):
        raise ArgumentError(f"pooling_type must be 'MAX' or 'AVG'. Received: pooling_type={pooling_type!r}")
    axes = len(input.shape) - 2
    return _pool(
        input, window_shape, 1 if strides is None else strides, padding, data_format, axes, pooling_type == "MAX"
    )


# --- normalisation ----------------------------------------------------------------------------------------------------


@op
def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Any:
    """A number for each channel added."""
    value, bias = array_of(value), array_of(bias)
    if data_format and data_format.startswith("NC"):
        bias = bias.reshape(1, -1, *(1,) * (value.ndim - 2))
    return value + bias


@op
def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Mean and variance along `axes`."""
    x, axes = array_of(x), as_axis(axes)
    return jnp.mean(x, axes, keepdims=keepdims), jnp.var(x, axes, keepdims=keepdims)


def normalize_moments(counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = None) -> Any:
    """Mean and variance of sums and sums of squares."""
    mean = array_of(mean_ss) / counts
    variance = array_of(variance_ss) / counts - jnp.square(mean)
    return (mean if shift is None else mean + array_of(shift)), variance


@op
def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: str | None = None
) -> Any:
    """(x - mean) / √(variance + epsilon), times `scale` and plus `offset` where they are not None."""
    x, mean, variance = map(array_of, (x, mean, variance))
    factor = jax.lax.rsqrt(variance + variance_epsilon)
    if scale is not None:
        factor = factor * array_of(scale)
    return x * factor + ((0 if offset is None else array_of(offset)) - mean * factor)


@op
def local_response_normalization(
    input: Any, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0, beta: float = 0.5, name: str | None = None
) -> Any:
    """Divided by what neighbouring channels add up to: Krizhevsky et al., 2012."""
    x = array_of(input)
    sums = jax.lax.reduce_window(
        jnp.square(x), 0.0, jax.lax.add, (*(1,) * (x.ndim - 1), 2 * depth_radius + 1), (1,) * x.ndim,
        [*((0, 0),) * (x.ndim - 1), (depth_radius, depth_radius)],
    )  # fmt: skip
    return x / jnp.power(bias + alpha * sums, beta)


lrn = local_response_normalization


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: str | None = None) -> Any:
    """Zeros in random places with probability `rate`, the rest scaled by 1 / (1 - rate)."""
    from .random import uniform

    if not 0 <= float(rate) < 1:
        raise ArgumentError(f"rate must be at least 0 and below 1. Received: rate={rate!r}")
    x = array_of(x)
    if float(rate) == 0:
        return x
    shape = (
        x.shape if noise_shape is None else [s if n is None else n for n, s in zip(noise_shape, x.shape, strict=True)]
    )
    return jnp.where(uniform(shape, seed=seed) >= rate, x / (1 - rate), jnp.zeros((), x.dtype))


@op
def l2_loss(t: Any, name: str | None = None) -> Any:
    """Half the sum of squares."""
    return jnp.sum(jnp.square(array_of(t))) / 2


# --- cross-entropies --------------------------------------------------------------------------------------------------


@op
def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Any:
    """The cross-entropy of two classes, from the logits of the second, for each number."""
    z, x = array_of(labels), array_of(logits)
    z = z.astype(x.dtype)
    return jnp.maximum(x, 0) - x * z + jnp.log1p(jnp.exp(-jnp.abs(x)))


@op
def weighted_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, pos_weight: Any = None, name: str | None = None
) -> Any:
    """`sigmoid_cross_entropy_with_logits` with `pos_weight` on the second class."""
    z, x = array_of(labels), array_of(logits)
    z = z.astype(x.dtype)
    weight = 1 + (array_of(pos_weight) - 1) * z
    return (1 - z) * x + weight * (jnp.log1p(jnp.exp(-jnp.abs(x))) + jnp.maximum(-x, 0))


@op
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Any:
    """The cross-entropy between probabilities and logits along `axis`."""
    x = array_of(logits)
    return -jnp.sum(array_of(labels).astype(x.dtype) * jax.nn.log_softmax(x, axis), axis)


@op
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Any:
    """The cross-entropy between classes and logits along the last axis; NaN for a class that there is not."""
    x, classes = array_of(logits), array_of(labels).astype(jnp.int32)
    picked = jnp.take_along_axis(jax.nn.log_softmax(x), jnp.clip(classes, 0, x.shape[-1] - 1)[..., None], -1)[..., 0]
    return jnp.where((classes >= 0) & (classes < x.shape[-1]), -picked, jnp.nan)


@op
def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Any:
    """The negative logarithm of a Poisson distribution, from the logarithm of its mean."""
    z, c = array_of(targets), array_of(log_input)
    loss = jnp.exp(c) - c * z
    if not compute_full_loss:
        return loss
    stirling = z * jnp.log(jnp.where(z > 1, z, 1)) - z + 0.5 * jnp.log(2 * np.pi * jnp.where(z > 1, z, 1))
    return loss + jnp.where(z > 1, stirling, 0)


# --- others -----------------------------------------------------------------------------------------------------------


def scale_regularization_loss(regularization_loss: Any) -> Any:
    """The loss; there is one replica."""
    return array_of(regularization_loss)


def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Any:
    """The sum of the losses divided by `global_batch_size` (None: their number)."""
    losses = array_of(per_example_loss)
    if sample_weight is not None:
        losses = losses * array_of(sample_weight)
    return jnp.sum(losses) / (losses.size if global_batch_size is None else global_batch_size)


def atrous_conv2d(value: Any, filters: Any, rate: int, padding: str, name: str | None = None) -> Any:
    """`conv2d` with `rate` between the pixels that meet."""
    return conv2d(value, filters, 1, padding, dilations=rate)


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: str | None = None) -> Any:
    """The rows of `params` at `ids`, shortened to `max_norm`."""
    if isinstance(params, Sequence) and len(params) == 1:
        params = params[0]
    rows = gather(params, ids)
    if max_norm is None:
        return rows
    length = jnp.sqrt(jnp.sum(jnp.square(rows), -1, keepdims=True))
    return rows * (max_norm / jnp.maximum(length, max_norm))


@op
def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Any:
    """Blocks of pixels as channels."""
    x, b = array_of(input), int(block_size)
    if _format(data_format) == "channels_first":
        return jnp.moveaxis(_to_depth(jnp.moveaxis(x, 1, -1), b), -1, 1)
    return _to_depth(x, b)


def _to_depth(x: Any, b: int) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, b * b * c)


@op
def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Any:
    """Channels as blocks of pixels."""
    x, b = array_of(input), int(block_size)
    if _format(data_format) == "channels_first":
        return jnp.moveaxis(_to_space(jnp.moveaxis(x, 1, -1), b), -1, 1)
    return _to_space(x, b)


def _to_space(x: Any, b: int) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h, w, b, b, c // (b * b)).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // (b * b))


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("nn", name, __all__))
