"""Transposed convolutions, which make maps larger: what the gradient of a convolution does (Zeiler et al., 2010)."""

from __future__ import annotations

from typing import Any

from .. import constraints, initializers, regularizers
from ..core.errors import ArgumentError
from ..ops.meaning.convolutions import conv_transpose
from .checks import per_axis, positive
from .convolutional import Convolutional

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


class _ConvTranspose(Convolutional):
    """Base of transposed convolutions over `rank` spatial axes."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._refuse_stride_with_dilation()
        self._set_bias(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        kind = type(self).__name__
        self.filters = positive(kind, "filters", filters)
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = per_axis(kind, "output_padding", output_padding, self.rank, least=0)
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides, strict=True)):
                raise ArgumentError(
                    f"{kind}: output_padding must be less than strides={self.strides}. Received: "
                    f"output_padding={output_padding!r}"
                )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: Any) -> None:
        """Make the kernel, (*kernel_size, filters, channels), and the bias, (filters,)."""
        channels = self._channels(input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, self.filters, channels),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """φ(xᵀ⋆ K + b)."""
        with self._named_errors():
            y = conv_transpose(
                inputs,
                self.kernel.value,
                self._bias_value,
                self.strides,
                self.padding,
                self.output_padding,
                self.data_format,
                self.dilation_rate,
            )
        return self.activation(y)


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over time.   (batch, time, channels) → (batch, longer time, filters)

    Args:
        filters: the number of output channels.
        kernel_size: the window's length.
        strides: by how much sequences grow.
        padding: ``"valid"`` or ``"same"``.
        output_padding: elements added at the end; None: as many as make ``"same"`` multiply the length by `strides`.
        data_format: where the channels are.
        dilation_rate: the distance of neighbouring taps.
        activation: a name or function.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: as in `Dense`.
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images.   (batch, height, width, channels) → (batch, taller, wider, filters)

    Args:
        filters: the number of output channels.
        kernel_size: the window's height and width, or one number for both.
        strides: by how much images grow.
        padding: ``"valid"`` or ``"same"``.
        output_padding: elements added at the ends; None: as many as make ``"same"`` multiply the sizes by `strides`.
        data_format: where the channels are.
        dilation_rate: the distance of neighbouring taps.
        activation: a name or function.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: as in `Dense`.

    >>> import numpy as np
    >>> Conv2DTranspose(3, 3, strides=2, padding="same")(np.ones((1, 4, 5, 2), "float32")).shape
    (1, 8, 10, 3)
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution of volumes.   (batch, depth, height, width, channels) → (batch, larger…, filters)

    Args:
        filters: the number of output channels.
        kernel_size: the window's sizes, or one number for all.
        strides: by how much volumes grow.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
        output_padding: elements added at the ends; None: as many as make ``"same"`` multiply the sizes by `strides`.
        dilation_rate: the distance of neighbouring taps.
        activation: a name or function.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: as in `Dense`.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
