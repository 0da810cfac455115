"""Long short-term memory whose products are convolutions: Shi et al., 2015."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ... import activations, constraints, initializers, regularizers
from ...core.errors import ShapeError
from ...ops.conv import conv
from ...ops.meaning.convolutions import add_bias
from ...ops.meaning.merging import concatenate
from ...ops.meaning.recurrence import zeros
from ...ops.meaning.shaping import split
from ...ops.shaping import reshape, tile
from ..checks import positive
from ..convolutional import Convolutional
from ..input_spec import InputSpec
from .cell import hoistable, mirrors
from .dropout_masks import DropoutMasks
from .loop import over_time
from .lstm import open_forget_gate
from .rnn import RNN

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "ConvLSTMCell"]


class ConvLSTMCell(DropoutMasks, Convolutional):
    r"""One step: as in `LSTMCell`, with :math:`x \star W + h \star U + b` in place of products.

    Args:
        rank: the number of spatial axes.
        filters: the number of channels of h and c.
        kernel_size: the windows' sizes; that of U is always moved by one place, with padding ``"same"``.
        strides, padding, data_format, dilation_rate: of the inputs' convolution.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed: as in `LSTMCell`.
    """

    mask_count = 4

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.rank = rank  # type: ignore[misc]
        self.filters = positive("ConvLSTM", "filters", filters)
        self._set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self._refuse_stride_with_dilation()
        self._set_bias(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = bool(unit_forget_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self._set_dropout(dropout, recurrent_dropout, seed)

    @property
    def state_size(self) -> list[int]:
        """The numbers of channels of h and c."""
        return [self.filters, self.filters]

    @property
    def output_size(self) -> int:
        """The number of channels of the output."""
        return self.filters

    def build(self, input_shape: Any) -> None:
        """Make W, (*kernel_size, channels, 4 · filters), U, (*kernel_size, filters, 4 · filters), and b."""
        channels, width = self._channels(input_shape), 4 * self.filters
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, width), self.kernel_initializer, regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint, name="kernel",
        )  # fmt: skip
        self.recurrent_kernel = self.add_weight(
            (*self.kernel_size, self.filters, width), self.recurrent_initializer,
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint, name="recurrent_kernel",
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            open_gate = open_forget_gate(self.bias_initializer)
            self.bias = self.add_weight(
                (width,), open_gate if self.unit_forget_bias else self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias",
            )  # fmt: skip

    def project(self, inputs: Any, masks: Any = None) -> Any:
        """x ⋆ W + b.   (batch, *sizes, channels) → (batch, *new sizes, 4 · filters)"""
        with self._named_errors():
            y = self._convolve(inputs, self.kernel.value, masks, self.strides, self.padding, self.dilation_rate)
        return y if self.bias is None else add_bias(y, self.bias.value, self.data_format)

    def _convolve(
        self, x: Any, kernel: Any, masks: Any, strides: Any = 1, padding: str = "same", dilation: Any = 1
    ) -> Any:
        convolution = partial(
            conv, strides=strides, padding=padding, data_format=self.data_format, dilation_rate=dilation
        )
        if masks is None:
            return convolution(x, kernel)
        blocks = split(kernel, len(masks))
        return concatenate([convolution(x * m, k) for m, k in zip(masks, blocks, strict=True)], axis=self._channel_axis)

    def recurrence(self, masks: Any = None) -> Any:
        """h → h ⋆ U."""
        return partial(self._convolve, kernel=self.recurrent_kernel.value, masks=masks)

    def advance(self, projected: Any, states: Any, recurrence: Any) -> tuple[Any, list[Any]]:
        """c' = σ(f)c + σ(i)φ(g), h' = σ(o)φ(c')."""
        h, c = states
        i, f, g, o = split(projected + recurrence(h), 4, self._channel_axis)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def loop(self, sequences: Any, states: Any, mask: Any, training: Any, **options: Any) -> tuple[Any, Any, Any]:
        """All steps: the inputs' convolutions as one over a larger batch, then `over_time` of `advance`."""
        masks, recurrent_masks = self._masks(sequences[0], states[0], training)
        time, batch = sequences.shape[:2]
        if masks is not None:
            masks = [tile(m, (time, *(1,) * (m.ndim - 1))) for m in masks]
        projected = self.project(reshape(sequences, (time * batch, *sequences.shape[2:])), masks)
        steps = reshape(projected, (time, batch, *projected.shape[1:]))
        advance = partial(self.advance, recurrence=self.recurrence(recurrent_masks))
        return over_time(advance, steps, states, mask, output_is_state=True, **options)

    @hoistable
    def call(self, inputs: Any, states: Any, training: bool | None = False) -> tuple[Any, list[Any]]:
        """One step."""
        masks, recurrent_masks = self._masks(inputs, states[0], training)
        return self.advance(self.project(inputs, masks), states, self.recurrence(recurrent_masks))

    def state_shape(self, input_shape: Any) -> tuple[int, ...]:
        """The shape of h and c for inputs (batch, *sizes, channels), all known."""
        if any(size is None for size in input_shape):
            raise ShapeError(
                f"Layer '{self.name}': the sizes of the states are known only where those of the inputs are. "
                f"Received: inputs of shape {tuple(input_shape)}"
            )
        kernel = jax.ShapeDtypeStruct((*self.kernel.shape[:-1], self.filters), jnp.float32)
        inputs = jax.ShapeDtypeStruct(tuple(input_shape), jnp.float32)
        convolution = partial(
            conv, strides=self.strides, padding=self.padding, data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )  # fmt: skip
        with self._named_errors():
            return jax.eval_shape(convolution, inputs, kernel).shape


@mirrors(ConvLSTMCell)
class _ConvLSTM(RNN):
    """Base of convolutional long short-term memories over `rank` spatial axes."""

    rank: ClassVar[int] = 2
    config_optional = frozenset()  # the configuration names activity_regularizer even where it is None
    config_excluded = RNN.config_excluded | {"cell"}

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ):
        cell = ConvLSTMCell(
            self.rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
            dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name="conv_lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 3)
        self._step_shape: tuple[int | None, ...] = ()

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell for one time step, and make the kept states if there are any."""
        self._step_shape = tuple(sequences_shape[2:])
        super().build(sequences_shape, initial_state_shape)

    def _first_states(self, sequences: Any, initial_state: Any) -> Any:
        self._step_shape = sequences.shape[2:]
        return super()._first_states(sequences, initial_state)

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Zeros for h and c, in the size of the present images."""
        shape = self.cell.state_shape((batch_size, *self._step_shape))
        return [zeros(shape, self.compute_dtype) for _ in range(2)]


_ARGUMENTS = """

    Args:
        filters: the number of output channels.
        kernel_size: the windows' sizes, or one number for all.
        strides, padding, data_format, dilation_rate: of the inputs' convolution, as in `Conv2D`.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed: as in `LSTM`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.
    """


class ConvLSTM1D(_ConvLSTM):
    __doc__ = (
        "Convolutional long short-term memory over series of rows.   (batch, time, size, channels) → (batch, new size, "
        "filters)" + _ARGUMENTS
    )
    rank = 1


class ConvLSTM2D(_ConvLSTM):
    __doc__ = (
        "Convolutional long short-term memory over films.   (batch, time, height, width, channels) → (batch, new "
        "height, new width, filters)" + _ARGUMENTS
    )
    rank = 2


class ConvLSTM3D(_ConvLSTM):
    __doc__ = (
        "Convolutional long short-term memory over series of volumes.   (batch, time, depth, height, width, channels) "
        "→ (batch, …, filters)" + _ARGUMENTS
    )
    rank = 3
