"""Convolutions."""

from __future__ import annotations

from typing import Any

from .. import constraints, initializers, regularizers
from ..core.argument_names import OLD_NAMES
from ..core.errors import ArgumentError, ShapeError
from ..core.hints import hint
from ..ops.meaning.convolutions import conv
from .checks import positive
from .convolutional import Convolutional
from .lora import LowRank

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


class _Conv(Convolutional, LowRank):
    """Base of convolutions over `rank` spatial axes.

    Args beside those of the layers: `lora_rank` and `lora_alpha`, r and α of a low-rank addition that is trained in the
    kernel's place; see `enable_lora`.
    """

    config_optional = Convolutional.config_optional | {"lora_rank", "lora_alpha"}

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.rank == 2 and len(args) == 3 and not kwargs.keys() & OLD_NAMES.keys():
            filters, size, strides = args
            if isinstance(size, int) and size == strides > 1:
                hint(
                    "Conv2D strides",
                    f"{cls.__name__}({filters}, {size}, {size}) has strides of {size}. If it was written for Keras 1, where "
                    f"this was the size of the kernel, write {cls.__name__}({filters}, ({size}, {size})).",
                )
        return super().__new__(cls, *args, **kwargs)

    @classmethod
    def older_places(cls, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Keras 1's places, (filters, rows, columns), as today's: (filters, (rows, columns))."""
        if cls.rank == 1 or len(args) != cls.rank + 1:
            return args
        hint(f"{cls.__name__} places", f"{cls.__name__}{args} is {cls.__name__}({args[0]}, {args[1:]}) in Keras 3.")
        return args[0], args[1:]

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
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_lora(lora_rank, lora_alpha)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate, causal=self.rank == 1)
        self._refuse_stride_with_dilation()
        self._set_bias(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        kind = type(self).__name__
        self.filters = positive(kind, "filters", filters)
        self.groups = positive(kind, "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(f"{kind}: filters={filters} must be a multiple of groups={groups}.")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: Any) -> None:
        """Make the kernel, (*kernel_size, channels / groups, filters), and the bias, (filters,)."""
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"Layer '{self.name}': {channels} channels are no multiple of groups={self.groups}. Received: shape "
                f"{tuple(input_shape)}"
            )
        self._kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self._add_bias(self.filters)
        self._enable_lora_if_asked()

    @property
    def kernel(self) -> Any:
        """K, with the low-rank addition if there is one."""
        return self._adapted()

    def call(self, inputs: Any) -> Any:
        """φ(x ⋆ K + b)."""
        with self._named_errors():
            kernel = self.kernel if self.lora_enabled else self._kernel.value
            y = conv(inputs, kernel, self._bias_value, self.strides, self.padding, self.data_format, self.dilation_rate)
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
