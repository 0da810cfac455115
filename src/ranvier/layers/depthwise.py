"""Convolutions of each channel by itself."""

from __future__ import annotations

from typing import Any

from .. import constraints, initializers, regularizers
from ..ops.meaning.convolutions import depthwise_conv
from .checks import positive
from .convolutional import Convolutional

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D"]


class _DepthwiseConv(Convolutional):
    """Base of depthwise convolutions over `rank` spatial axes."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._set_bias(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self.depth_multiplier = positive(type(self).__name__, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def build(self, input_shape: Any) -> None:
        """Make the kernel, (*kernel_size, channels, depth_multiplier), and the bias, (channels · depth_multiplier,)."""
        channels = self._channels(input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="kernel",
        )
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        """φ(x ⋆ K + b), channel by channel."""
        with self._named_errors():
            y = depthwise_conv(
                inputs,
                self.kernel.value,
                self._bias_value,
                self.strides,
                self.padding,
                self.data_format,
                self.dilation_rate,
            )
        return self.activation(y)


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of each channel over time.   (batch, time, channels) → (batch, new time, channels · depth_multiplier)

    Args:
        kernel_size: the window's length.
        strides: how far the window moves.
        padding: ``"valid"`` or ``"same"``.
        depth_multiplier: how many output channels each input channel gives.
        data_format: where the channels are.
        dilation_rate: the distance of neighbouring taps.
        activation: a name or function.
        use_bias: whether there is a bias.
        depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, bias_constraint: as in `Dense`.

    >>> import numpy as np
    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.ones((1, 5, 4), "float32")).shape
    (1, 3, 8)
    """

    rank = 1

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation, use_bias,
            depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of images.   (batch, height, width, channels) → (..., channels · depth_multiplier)

    Args:
        kernel_size: the window's height and width, or one number for both.
        strides: how far the window moves.
        padding: ``"valid"`` or ``"same"``.
        depth_multiplier: how many output channels each input channel gives.
        data_format: where the channels are.
        dilation_rate: the distance of neighbouring taps.
        activation: a name or function.
        use_bias: whether there is a bias.
        depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, bias_constraint: as in `Dense`.
    """

    rank = 2

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation, use_bias,
            depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
