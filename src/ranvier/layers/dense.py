"""The affine layer."""

from __future__ import annotations

from typing import Any

from .. import activations, constraints, initializers, regularizers
from ..ops.binary import matmul
from ..ops.meaning.products import dense
from ..ops.products import affine_rows
from ..ops.recording import is_recording
from .checks import positive
from .input_spec import InputSpec
from .lora import LowRank

__all__ = ["Dense"]


class Dense(LowRank):
    r"""Affine map followed by an activation: :math:`y = \phi(xW + b)`.   (..., in) → (..., units)

    Args:
        units: the size of the last axis of the output.
        activation: φ, a name or function; None: no activation.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: how W, (in, units), and b, (units,), begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on W, b and y.
        kernel_constraint, bias_constraint: projections of W and b after each update.
        lora_rank, lora_alpha: r and α of a low-rank addition that is trained in W's place; see `enable_lora`.
        quantization_config: kept for Keras's files.

    >>> import numpy as np
    >>> layer = Dense(2, kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0]])).tolist()
    [[3.0, 3.0]]
    """

    def __init__(
        self,
        units: int,
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
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive("Dense", "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.quantization_config = quantization_config
        self._set_lora(lora_rank, lora_alpha)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make W and b."""
        self._kernel = self.add_weight(
            (input_shape[-1], self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})
        self._enable_lora_if_asked()

    @property
    def kernel(self) -> Any:
        """W, with the low-rank addition if there is one."""
        return self._adapted()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """φ(xW + b)."""
        bias = None if self.bias is None else self.bias.value
        if not self.lora_enabled:
            if self.activation is activations.relu and not is_recording():  # both in one pass over memory
                return affine_rows(inputs, self._kernel.value, bias, rectified=True)
            return self.activation(dense(inputs, self._kernel.value, bias))  # (..., in) @ (in, units)
        y = dense(inputs, self._kernel.value) + self._through_factors(inputs, matmul)
        return self.activation(y if bias is None else y + bias)
