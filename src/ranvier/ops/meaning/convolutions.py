"""Convolutions with the bias that follows them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..conv import conv as _conv
from ..conv import conv_transpose as _conv_transpose
from ..conv import depthwise_conv as _depthwise_conv
from ..conv import separable_conv as _separable_conv
from ..origins import note
from ..recording import named

__all__ = ["add_bias", "conv", "conv_transpose", "depthwise_conv", "separable_conv"]


def _channels_first(data_format: str | None) -> bool:
    return data_format == "channels_first"


@named
def add_bias(y: Any, bias: Any, data_format: str | None) -> Any:
    """y + b, b along the channels."""
    if bias is None:
        return y
    if _channels_first(data_format):
        return y + bias.reshape(-1, *(1,) * (y.ndim - 2))
    return note(y + bias, "bias", y, bias)


def _causally_padded(x: Any, kernel: Any, dilation_rate: Any, data_format: str | None) -> Any:
    """The inputs with all their zeros before the first time step."""
    time = (dilation_rate[0] * (kernel.shape[0] - 1), 0)
    return jnp.pad(x, ((0, 0), (0, 0), time) if _channels_first(data_format) else ((0, 0), time, (0, 0)))


@named
def conv(
    inputs: Any,
    kernel: Any,
    bias: Any = None,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`ops.conv` plus a bias; ``padding="causal"`` puts all zeros before the first of the time steps."""
    if padding == "causal":
        inputs, padding = _causally_padded(inputs, kernel, dilation_rate, data_format), "valid"
    y = _conv(inputs, kernel.astype(inputs.dtype), strides, padding, data_format, dilation_rate)
    return add_bias(y, bias, data_format)


@named
def conv_transpose(
    inputs: Any,
    kernel: Any,
    bias: Any = None,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`ops.conv_transpose` plus a bias."""
    y = _conv_transpose(inputs, kernel, strides, padding, output_padding, data_format, dilation_rate)
    return add_bias(y, bias, data_format)


@named
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    bias: Any = None,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`ops.depthwise_conv` plus a bias."""
    y = _depthwise_conv(inputs, kernel, strides, padding, data_format, dilation_rate)
    return add_bias(y, bias, data_format)


@named
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    bias: Any = None,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`ops.separable_conv` plus a bias."""
    y = _separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)
    return add_bias(y, bias, data_format)
