"""What all convolution layers share: the window, the place of the channels, the bias and the activation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

from .. import activations, constraints, initializers, regularizers
from ..core.errors import ArgumentError, ShapeError
from ..core.settings import standardize_data_format
from .base import Layer
from .checks import per_axis
from .input_spec import InputSpec

__all__ = ["Convolutional"]


class Convolutional(Layer):
    """Base of layers that move a window over `rank` spatial axes."""

    rank: ClassVar[int] = 2
    config_optional = frozenset()  # the configuration names activity_regularizer even where it is None

    def _set_window(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        causal: bool = False,
    ) -> None:
        """Check and keep the arguments that describe the window."""
        kind = type(self).__name__
        self.kernel_size = per_axis(kind, "kernel_size", kernel_size, self.rank)
        self.strides = per_axis(kind, "strides", strides, self.rank)
        self.dilation_rate = per_axis(kind, "dilation_rate", dilation_rate, self.rank)
        self.padding = str(padding).lower()
        allowed = ("valid", "same", "causal") if causal else ("valid", "same")
        if self.padding not in allowed:
            raise ArgumentError(f"{kind}: padding must be one of {allowed}. Received: padding={padding!r}")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=self.rank + 2)

    def _refuse_stride_with_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{type(self).__name__}: strides and dilation_rate cannot both exceed 1. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}"
            )

    def _set_bias(self, activation: Any, use_bias: bool, initializer: Any, regularizer: Any, constraint: Any) -> None:
        """Keep the arguments of what follows the convolution."""
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = initializers.get(initializer)
        self.bias_regularizer = regularizers.get(regularizer)
        self.bias_constraint = constraints.get(constraint)

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def _channels(self, input_shape: Any) -> int:
        """The number of input channels, from now on demanded of every input."""
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ShapeError(
                f"Layer '{self.name}': the number of channels must be known. Received: shape {tuple(input_shape)}"
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={self._channel_axis: channels})
        return channels

    def _add_bias(self, size: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (size,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    @property
    def _bias_value(self) -> Any:
        return None if self.bias is None else self.bias.value

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Put the layer's name before messages about shapes."""
        try:
            yield
        except ShapeError as error:
            raise ShapeError(f"Layer '{self.name}': {error}") from None
