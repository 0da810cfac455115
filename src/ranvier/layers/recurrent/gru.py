"""The gated recurrent unit: Cho et al., 2014."""

from __future__ import annotations

from typing import Any

from ... import activations
from ...ops.meaning.recurrence import zeros
from ...ops.meaning.shaping import row, split
from ...ops.recurrence import gru
from ..input_spec import InputSpec
from .cell import Recurrence, RecurrentCell, hoistable, mirrors
from .rnn import RNN

__all__ = ["GRU", "GRUCell"]


class GRUCell(RecurrentCell):
    r"""One step of a gated recurrent unit.

    .. math::
        z = \sigma(xW_z + hU_z + b_z), \quad r = \sigma(xW_r + hU_r + b_r), \quad h' = z h + (1 - z) \hat h

    with :math:`\hat h = \phi(xW_h + b_h + r (hU_h + b'_h))`, or, where the reset gate acts before the product,
    :math:`\hat h = \phi(xW_h + b_h + (r h) U_h)`.

    Args:
        units: the size of h.
        activation: φ.
        recurrent_activation: σ.
        use_bias: whether there are biases.
        kernel_initializer, recurrent_initializer, bias_initializer: how W, U and b begin.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on them.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of them after each update.
        dropout, recurrent_dropout: the fractions of x and of h that are dropped in training.
        reset_after: whether r acts after the product (then b is (2, 3 · units): of the inputs, of the state).
        seed: an integer, for the same dropout in every run.

    >>> import numpy as np
    >>> output, states = GRUCell(4)(np.ones((2, 3), "float32"), [np.zeros((2, 4), "float32")])
    >>> output.shape, len(states)
    ((2, 4), 1)
    """

    gates = mask_count = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        reset_after: bool = True,
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
        self.reset_after = bool(reset_after)

    def _bias(self) -> Any:
        return self._weight((2, 3 * self.units) if self.reset_after else (3 * self.units,), "bias", "bias")

    def _input_bias(self) -> Any:
        bias = self.bias.value  # type: ignore[union-attr]
        return row(bias, 0) if self.reset_after else bias

    def recurrence(self, masks: Any = None) -> Recurrence:
        """What the state goes through at each step."""
        bias = row(self.bias.value, 1) if self.reset_after and self.bias is not None else None
        return Recurrence(self.recurrent_kernel.value, bias, masks)

    @hoistable
    def call(self, inputs: Any, states: Any, training: bool | None = False) -> tuple[Any, Any]:
        """One step."""
        return self._one_step(inputs, states, training)

    def whole_sequence(
        self, projected: Any, states: Any, recurrence: Recurrence, mask: Any, all_outputs: bool
    ) -> tuple[list[Any], Any] | None:
        """All steps at once, with the usual activations and the reset after the product."""
        usual = self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid
        if not (usual and self.reset_after) or type(self).advance is not GRUCell.advance:
            return None
        bias = zeros((3 * self.units,), projected.dtype) if recurrence.bias is None else recurrence.bias
        h, *hs = gru(projected, recurrence.kernel, bias, states[0], mask, all_outputs)
        return [h], hs[0] if all_outputs else None

    def advance(self, projected: Any, states: Any, recurrence: Any) -> tuple[Any, list[Any]]:
        """h' = zh + (1 − z)ĥ."""
        (h,) = states
        x_z, x_r, x_h = split(projected, 3)
        if self.reset_after:
            h_z, h_r, h_h = split(recurrence(h), 3)
            z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
            new = self.activation(x_h + r * h_h)
        else:
            h_z, h_r = split(recurrence(h, 0, 2, 3), 2)
            z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
            new = self.activation(x_h + recurrence(r * h, 2, 3, 3))
        h = z * h + (1 - z) * new
        return h, [h]


@mirrors(GRUCell)
class GRU(RNN):
    """Gated recurrent units.   (batch, time, in) → (batch, units) or (batch, time, units)

    Args:
        units: the size of the state and of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, reset_after: as in `GRUCell`.
        activity_regularizer: a penalty on the output.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        use_cudnn: taken for compatibility; there is one implementation.

    >>> import numpy as np
    >>> GRU(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
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
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        kwargs.pop("implementation", None)
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, reset_after, seed,
            dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name="gru_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)
