"""The affine layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .. import activations, constraints, initializers, regularizers
from .base import Layer
from .checks import positive, refuse_lora
from .input_spec import InputSpec

__all__ = ["Dense"]


class Dense(Layer):
    r"""Affine map followed by an activation: :math:`y = \phi(xW + b)`.   (..., in) → (..., units)

    Args:
        units: the size of the last axis of the output.
        activation: φ, a name or function; None: no activation.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: how W, (in, units), and b, (units,), begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on W, b and y.
        kernel_constraint, bias_constraint: projections of W and b after each update.
        lora_rank, lora_alpha: only None; low-rank updates are not a matter of the layer.
        quantization_config: kept for Keras's files.

    >>> import numpy as np
    >>> layer = Dense(2, kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0]])).tolist()
    [[3.0, 3.0]]
    """

    config_excluded = Layer.config_excluded | {"lora_rank", "lora_alpha"}

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
        refuse_lora("Dense", lora_rank, lora_alpha)
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
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make W and b."""
        self.kernel = self.add_weight(
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

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """φ(xW + b)."""
        y = jnp.matmul(inputs, self.kernel.value)  # (..., in) @ (in, units)
        if self.bias is not None:
            y = y + self.bias.value
        return self.activation(y)
