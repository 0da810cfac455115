"""The affine map whose products an einsum equation spells out."""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

from .. import activations, constraints, initializers, regularizers
from ..core.errors import ArgumentError, ShapeError
from ..initializers import VarianceScaling
from ..ops.meaning.products import dense, einsum_dense
from .input_spec import InputSpec
from .lora import LowRank

__all__ = ["EinsumDense"]


class EinsumDense(LowRank):
    r"""φ(einsum(equation, x, W) + b): `Dense` for any axes.

    Args:
        equation: ``"inputs,kernel->outputs"`` in einsum's letters; an ellipsis may stand at the beginning or the end of
            inputs and outputs.
        output_shape: the output's sizes without the batch; None for those that follow from the input.
        activation: φ, a name or function; None: no activation.
        bias_axes: the letters of the output that b has axes for; None: no b.
        kernel_initializer, bias_initializer: how W and b begin.
        kernel_regularizer, bias_regularizer: penalties on W and b.
        kernel_constraint, bias_constraint: projections of W and b after each update.
        lora_rank, lora_alpha: r and α of a low-rank addition that is trained in W's place; see `enable_lora`.
        gptq_unpacked_column_size, quantization_config: kept for Keras's files.

    Raises:
        ArgumentError: an equation that names sizes nobody knows.

    >>> import numpy as np
    >>> EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 64)
    """

    config_optional = LowRank.config_optional - {"activity_regularizer"}
    config_excluded = LowRank.config_excluded | {"gptq_unpacked_column_size"}

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: Any = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.equation = equation
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.gptq_unpacked_column_size = gptq_unpacked_column_size
        self.quantization_config = quantization_config
        self._set_lora(lora_rank, lora_alpha)

    def build(self, input_shape: Any) -> None:
        """Make W and b, with sizes read off the equation."""
        kernel_shape, bias_shape = _weight_shapes(self.equation, tuple(input_shape), self.output_shape, self.bias_axes)
        self._kernel = self.add_weight(
            kernel_shape,
            _with_fans(self.kernel_initializer, self.equation),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                bias_shape,
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._enable_lora_if_asked()

    @property
    def kernel(self) -> Any:
        """W, with the low-rank addition if there is one."""
        return self._adapted()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """φ(einsum(equation, x, W) + b)."""
        kernel = self.kernel
        kernel = kernel if self.lora_enabled else kernel.value
        shared = _shared_axes(self.equation)
        bias = None if self.bias is None else self.bias.value
        if shared and inputs.shape[-shared:] == kernel.shape[:shared]:
            return self.activation(dense(inputs, kernel, bias, shared))
        return self.activation(einsum_dense(self.equation, inputs, kernel, bias))


@cache
def _shared_axes(equation: str) -> int:
    """How many last axes of the inputs the kernel begins with, if the equation is a product of two matrices; else 0."""
    inputs, rest = equation.split(",")
    kernel, outputs = rest.split("->")
    for count in range(1, len(kernel)):
        if len(set(inputs + kernel)) == len(inputs + kernel) - count and inputs.endswith(kernel[:count]):
            return count if outputs == inputs[:-count] + kernel[count:] else 0
    return 0


def _with_fans(initializer: Any, equation: str) -> Any:
    """The initialiser, told which axes of the kernel are inputs of a unit: those that the outputs lack."""
    if not isinstance(initializer, VarianceScaling) or initializer.input_axes is not None:
        return initializer
    kernel, outputs = equation.split(",")[1].split("->")
    told = copy.copy(initializer)
    told.input_axes = [i for i, letter in enumerate(kernel) if letter not in outputs]
    told.output_axes = [i for i, letter in enumerate(kernel) if letter in outputs]
    return told


def _weight_shapes(
    equation: str, input_shape: tuple[Any, ...], output_shape: tuple[Any, ...], bias_axes: str | None
) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """The shapes of W and b: each letter's size is the input's or, where the input lacks it, the output's."""
    match = re.fullmatch(r"(\.\.\.)?([A-Za-z]+)(\.\.\.)?,([A-Za-z]+)->(\.\.\.)?([A-Za-z]+)(\.\.\.)?", equation)
    if match is None or (match[1], match[3]) != (match[5], match[7]) or (match[1] and match[3]):
        raise ArgumentError(
            "equation must look like 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...'. "
            f"Received: equation={equation!r}"
        )
    before, inputs, after, kernel, _, outputs, _ = match.groups()
    if len(inputs) > len(input_shape) or (len(inputs) < len(input_shape) and not (before or after)):
        raise ShapeError(f"The inputs of {equation!r} have {len(inputs)} axes. Received: shape {input_shape}")
    # Without its ellipsis, a term names the last axes of a shape, or the first ones. The output's shape lacks the batch
    # axis, which stands first.
    given = input_shape[len(input_shape) - len(inputs) :] if before else input_shape[: len(inputs)]
    wanted = (None, *output_shape)
    if len(outputs) > len(wanted) and before:
        wanted = (None,) * (len(outputs) - len(wanted)) + wanted
    if len(outputs) > len(wanted) or (len(outputs) < len(wanted) and not (before or after)):
        raise ShapeError(
            f"The outputs of {equation!r} have {len(outputs) - 1} axes after the first. Received: "
            f"output_shape={output_shape}"
        )
    made = wanted[len(wanted) - len(outputs) :] if before else wanted[: len(outputs)]
    sizes = dict(zip(outputs, made, strict=True)) | dict(zip(inputs, given, strict=True))
    for name, size, want in ((c, sizes[c], w) for c, w in zip(outputs, made, strict=True) if c in inputs):
        if size is not None and want is not None and size != want:
            raise ShapeError(
                f"Axis '{name}' of {equation!r} has size {size} in the inputs, {input_shape}, and {want} in "
                f"output_shape={output_shape}"
            )
    for letter in outputs:
        if letter not in inputs and letter not in kernel:
            raise ArgumentError(f"Axis '{letter}' of the outputs of {equation!r} is in neither inputs nor kernel.")
    for letter in kernel:
        if letter not in sizes:
            raise ArgumentError(f"Axis '{letter}' of the kernel of {equation!r} is in neither inputs nor outputs.")
    if bias_axes is None:
        return tuple(sizes[letter] for letter in kernel), None
    for letter in bias_axes:
        if letter not in outputs:
            raise ArgumentError(
                f"bias_axes must name axes of the outputs, '{outputs}'. Received: bias_axes={bias_axes!r}"
            )
    first = min(outputs.index(letter) for letter in bias_axes)
    bias = [
        made[i] if c in bias_axes and c not in inputs else sizes[c] if c in bias_axes else 1
        for i, c in enumerate(outputs)
    ]
    trailing = (1,) * (len(input_shape) - len(inputs)) if after else ()
    return tuple(sizes[letter] for letter in kernel), (*bias[first:], *trailing)
