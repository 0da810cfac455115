"""Convolutions."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .. import activations, constraints, initializers, regularizers
from ..core.errors import ArgumentError, ShapeError
from ..core.settings import standardize_data_format
from ..ops.conv import conv
from .base import Layer
from .checks import per_axis, positive
from .input_spec import InputSpec

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


class _Conv(Layer):
    """Base of convolutions over `rank` spatial axes."""

    rank = 2
    config_optional = frozenset()

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
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
        kind = type(self).__name__
        self.filters = positive(kind, "filters", filters)
        self.kernel_size = per_axis(kind, "kernel_size", kernel_size, self.rank)
        self.strides = per_axis(kind, "strides", strides, self.rank)
        self.padding = str(padding).lower()
        allowed = ("valid", "same", "causal") if self.rank == 1 else ("valid", "same")
        if self.padding not in allowed:
            raise ArgumentError(f"{kind}: padding must be one of {allowed}. Received: padding={padding!r}")
        self.data_format = standardize_data_format(data_format)
        self.dilation_rate = per_axis(kind, "dilation_rate", dilation_rate, self.rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{kind}: strides and dilation_rate cannot both exceed 1. Received: strides={strides!r}, "
                f"dilation_rate={dilation_rate!r}"
            )
        self.groups = positive(kind, "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(f"{kind}: filters={filters} must be a multiple of groups={groups}.")
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=self.rank + 2)

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape: Any) -> None:
        """Make the kernel, (*kernel_size, channels / groups, filters), and the bias, (filters,)."""
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ShapeError(
                f"Layer '{self.name}': the number of channels must be known. Received: shape {tuple(input_shape)}"
            )
        if channels % self.groups:
            raise ShapeError(f"Layer '{self.name}': {channels} channels are no multiple of groups={self.groups}.")
        self.kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={self._channel_axis: channels})

    def call(self, inputs: Any) -> Any:
        """φ(x ⋆ K + b)."""
        x, padding = inputs, self.padding
        if padding == "causal":
            before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            time = (before, 0)
            x = jnp.pad(x, ((0, 0), (0, 0), time) if self._channel_axis == 1 else ((0, 0), time, (0, 0)))
            padding = "valid"
        try:
            y = conv(x, self.kernel.value, self.strides, padding, self.data_format, self.dilation_rate)
        except ShapeError as error:
            raise ShapeError(f"Layer '{self.name}': {error}") from None
        if self.bias is not None:
            shape = (-1, *(1,) * self.rank) if self._channel_axis == 1 else (-1,)
            y = y + self.bias.value.reshape(shape)
        return self.activation(y)


class Conv1D(_Conv):
    """Convolution over time.   (batch, time, channels) → (batch, new time, filters)

    Args:
        filters: the number of output channels.
        kernel_size: the window's length.
        strides: how far the window moves.
        padding: ``"valid"``, ``"same"`` or ``"causal"`` (no look into the future).
        data_format: where the channels are.
        dilation_rate: the distance of neighbouring taps.
        groups: groups of channels that are convolved apart.
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
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
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
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


class Conv2D(_Conv):
    """Convolution over images.   (batch, height, width, channels) → (batch, new height, new width, filters)

    Args:
        filters: the number of output channels.
        kernel_size: the window's height and width, or one number for both.
        strides: how far the window moves.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
        dilation_rate: the distance of neighbouring taps.
        groups: groups of channels that are convolved apart.
        activation: a name or function.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: as in `Dense`.
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
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
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


class Conv3D(_Conv):
    """Convolution over volumes.   (batch, depth, height, width, channels) → (batch, …, filters)

    Args:
        filters: the number of output channels.
        kernel_size: the window's sizes, or one number for all.
        strides: how far the window moves.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
        dilation_rate: the distance of neighbouring taps.
        groups: groups of channels that are convolved apart.
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
        dilation_rate: Any = (1, 1, 1),
        groups: int = 1,
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
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            groups,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
