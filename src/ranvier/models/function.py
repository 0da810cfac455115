"""`Function`: the computation between symbolic tensors, as something to call."""

from __future__ import annotations

from typing import Any

from ..core.errors import ShapeError
from ..layers.signatures import tensors_of
from ..ops import symbolic
from ..ops.operation import Operation
from .graph import Graph

__all__ = ["Function"]


class Function(Operation):
    """What lies between symbolic inputs and outputs, without the training and the files of a `Model`.

    Args:
        inputs: symbolic tensors, nested in lists or dicts.
        outputs: symbolic tensors that depend on them.
        name: the function's name.

    Raises:
        ArgumentError: no symbolic tensors, or outputs that the inputs do not reach.

    >>> import numpy as np
    >>> import ranvier
    >>> x = ranvier.Input((3,))
    >>> Function(x, x * 2 + 1)(np.ones((1, 3)))
    Array([[3., 3., 3.]], dtype=float32)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name=name)
        self.graph = Graph(inputs, outputs)
        tensors = iter([*self.graph.inputs, *self.graph.outputs])
        self._inputs_struct = symbolic.rebuild(inputs, lambda _: next(tensors))
        self._outputs_struct = symbolic.rebuild(outputs, lambda _: next(tensors))

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, flat."""
        return self.graph.inputs

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, flat."""
        return self.graph.outputs

    @property
    def operations(self) -> list[Any]:
        """The layers and functions between them, each once."""
        return self.graph.operations

    def call(self, inputs: Any) -> Any:
        """The outputs for values of the inputs, which come in the structure in which the inputs were given."""
        values = [_fit(self, t, v) for t, v in zip(self.inputs, self._in_order(inputs), strict=True)]
        results = iter(self.graph.run(values))
        return symbolic.rebuild(self._outputs_struct, lambda _: next(results))

    def _in_order(self, inputs: Any) -> list[Any]:
        if not _same_structure(self._inputs_struct, inputs):
            expected = symbolic.rebuild(self._inputs_struct, lambda t: t.shape)
            raise ShapeError(
                f"'{self.name}' takes {len(self.inputs)} input(s) in the structure {expected}. "
                f"Received: {symbolic.rebuild(inputs, lambda x: tuple(getattr(x, 'shape', ())))}"
            )
        return symbolic.flatten(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for inputs of these shapes."""
        return symbolic.rebuild(self.compute_output_spec(tensors_of(input_shape, "float32")), lambda t: t.shape)

    def get_config(self) -> dict[str, Any]:
        """Name, layers with their calls, inputs and outputs."""
        from .functional_config import functional_config

        return functional_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The function that `get_config` described."""
        from .functional_config import functional_from_config

        return functional_from_config(cls, config)


def _fit(function: Function, tensor: Any, value: Any) -> Any:
    shape, wanted = tuple(value.shape), tensor.shape
    if len(shape) != len(wanted) or any(
        w is not None and s is not None and w != s for w, s in zip(wanted, shape, strict=True)
    ):
        raise ShapeError(
            f"'{function.name}' takes a tensor of shape {wanted} for '{tensor._keras_history.operation.name}'. Received: "
            f"shape {shape}"
        )
    if symbolic.is_symbolic(value):
        return value
    import jax.numpy as jnp

    return jnp.asarray(value, tensor.dtype if jnp.issubdtype(value.dtype, jnp.floating) else None)


def _same_structure(struct: Any, value: Any) -> bool:
    if isinstance(struct, dict) or isinstance(value, dict):
        alike = isinstance(struct, dict) and isinstance(value, dict) and struct.keys() == value.keys()
        return alike and all(_same_structure(struct[key], value[key]) for key in struct)
    if isinstance(struct, (list, tuple)):
        alike = isinstance(value, (list, tuple)) and len(struct) == len(value)
        return alike and all(map(_same_structure, struct, value))
    return value is not None and not isinstance(value, (list, tuple))
