"""Long short-term memory: Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import activations
from ...ops.meaning.recurrence import lstm_gates
from ...ops.meaning.shaping import split
from ...ops.recurrence import lstm
from ..input_spec import InputSpec
from .cell import Recurrence, RecurrentCell, hoistable, mirrors
from .rnn import RNN

__all__ = ["LSTM", "LSTMCell", "open_forget_gate"]


def open_forget_gate(initializer: Any) -> Any:
    """The initialiser of a bias of four gates whose second, the forget gate's, is ones: Jozefowicz et al., 2015."""

    def initial(shape: tuple[int, ...], dtype: Any = None) -> Any:
        units = shape[0] // 4
        parts = initializer((units,), dtype=dtype), np.ones(units), initializer((2 * units,), dtype=dtype)
        return np.concatenate([np.asarray(part) for part in parts])

    return initial


class LSTMCell(RecurrentCell):
    r"""One step of long short-term memory.

    .. math::
        (i, f, g, o) = xW + hU + b, \quad
        c' = \sigma(f) c + \sigma(i) \phi(g), \quad
        h' = \sigma(o) \phi(c')

    Args:
        units: the size of h and of c.
        activation: φ.
        recurrent_activation: σ.
        use_bias: whether there is a b.
        kernel_initializer, recurrent_initializer, bias_initializer: how W, U and b begin.
        unit_forget_bias: the forget gate's part of b begins as ones.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on them.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of them after each update.
        dropout, recurrent_dropout: the fractions of x and of h that are dropped in training.
        seed: an integer, for the same dropout in every run.

    >>> import numpy as np
    >>> h = c = np.zeros((2, 4), "float32")
    >>> output, states = LSTMCell(4)(np.ones((2, 3), "float32"), [h, c])
    >>> output.shape, len(states)
    ((2, 4), 2)
    """

    gates = mask_count = 4

    def __init__(
        self,
        units: int,
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
        kwargs.pop("implementation", None)  # there is one here, the fastest
        super().__init__(**kwargs)
        self._set_gates(
            units, activation, use_bias,
            kernel=(kernel_initializer, kernel_regularizer, kernel_constraint),
            recurrent=(recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            bias=(bias_initializer, bias_regularizer, bias_constraint),
            dropouts=(dropout, recurrent_dropout, seed),
        )  # fmt: skip
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = bool(unit_forget_bias)

    @property
    def state_size(self) -> list[int]:
        """The sizes of h and c."""
        return [self.units, self.units]

    def _bias(self) -> Any:
        initializer = open_forget_gate(self.bias_initializer) if self.unit_forget_bias else None
        return self._weight((4 * self.units,), "bias", "bias", initializer)

    @hoistable
    def call(self, inputs: Any, states: Any, training: bool | None = False) -> tuple[Any, Any]:
        """One step."""
        return self._one_step(inputs, states, training)

    def _is_usual(self) -> bool:
        return self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid

    def whole_sequence(
        self, projected: Any, states: Any, recurrence: Recurrence, mask: Any, all_outputs: bool
    ) -> tuple[list[Any], Any] | None:
        """All steps at once, with the usual activations."""
        if not self._is_usual() or type(self).advance is not LSTMCell.advance:
            return None
        h, c = states
        h, c, *hs = lstm(projected, recurrence.kernel, h, c, mask, all_outputs)
        return [h, c], hs[0] if all_outputs else None

    def advance(self, projected: Any, states: Any, recurrence: Any) -> tuple[Any, list[Any]]:
        """c' = σ(f)c + σ(i)φ(g), h' = σ(o)φ(c')."""
        h, c = states
        z = projected + recurrence(h)
        if self._is_usual():
            h, c = lstm_gates(z, c)
            return h, [h, c]
        i, f, g, o = split(z, 4)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]


@mirrors(LSTMCell)
class LSTM(RNN):
    """Long short-term memory.   (batch, time, in) → (batch, units) or (batch, time, units)

    Args:
        units: the size of the states and of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed: as in `LSTMCell`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        use_cudnn: taken for compatibility; there is one implementation.

    >>> import numpy as np
    >>> LSTM(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 4)
    """

    config_optional = frozenset()  # the configuration names activity_regularizer even where it is None
    config_excluded = RNN.config_excluded | {"cell"}
    config_if_changed = frozenset({"use_cudnn"})

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        kwargs.pop("implementation", None)
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
            dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name="lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)
