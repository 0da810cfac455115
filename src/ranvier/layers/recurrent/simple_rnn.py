"""The plain recurrent layer: Elman, 1990."""

from __future__ import annotations

from typing import Any

from ..input_spec import InputSpec
from .cell import RecurrentCell, hoistable, mirrors
from .rnn import RNN

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleRNNCell(RecurrentCell):
    r"""One step of a plain recurrent layer: :math:`h' = \phi(xW + hU + b)`.

    Args:
        units: the size of h.
        activation: φ.
        use_bias: whether there is a b.
        kernel_initializer, recurrent_initializer, bias_initializer: how W, U and b begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on them.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of them after each update.
        dropout, recurrent_dropout: the fractions of x and of h that are dropped in training.
        seed: an integer, for the same dropout in every run.

    >>> import numpy as np
    >>> output, states = SimpleRNNCell(4)(np.ones((2, 3), "float32"), [np.zeros((2, 4), "float32")])
    >>> output.shape, len(states)
    ((2, 4), 1)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
        self._set_gates(
            units, activation, use_bias,
            kernel=(kernel_initializer, kernel_regularizer, kernel_constraint),
            recurrent=(recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            bias=(bias_initializer, bias_regularizer, bias_constraint),
            dropouts=(dropout, recurrent_dropout, seed),
        )  # fmt: skip

    @hoistable
    def call(self, sequence: Any, states: Any, training: bool | None = False) -> tuple[Any, Any]:
        """One step."""
        return self._one_step(sequence, states, training)

    def advance(self, projected: Any, states: Any, recurrence: Any) -> tuple[Any, list[Any]]:
        """φ(xW + b + hU)."""
        h = self.activation(projected + recurrence(states[0]))
        return h, [h]


@mirrors(SimpleRNNCell)
class SimpleRNN(RNN):
    """A plain recurrent layer.   (batch, time, in) → (batch, units) or (batch, time, units)

    Args:
        units: the size of the state and of the output.
        activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed: as in `SimpleRNNCell`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.

    >>> import numpy as np
    >>> SimpleRNN(4)(np.ones((2, 5, 3), "float32")).shape
    (2, 4)
    """

    config_optional = frozenset()  # the configuration names activity_regularizer even where it is None
    config_excluded = RNN.config_excluded | {"cell"}
    config_if_changed = frozenset({"seed"})

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        cell = SimpleRNNCell(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed,
            dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name="simple_rnn_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=3)
