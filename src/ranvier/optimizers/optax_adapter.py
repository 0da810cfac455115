"""An optax transformation as an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.variables import Variable
from .base import Optimizer

__all__ = ["OptaxOptimizer", "is_optax"]


def is_optax(thing: Any) -> bool:
    """Whether `thing` looks like an optax `GradientTransformation`: a named tuple of `init` and `update`."""
    fields = getattr(thing, "_fields", ())
    return isinstance(thing, tuple) and fields[:2] == ("init", "update")


class OptaxOptimizer(Optimizer):
    """Updates by an optax transformation, whose state becomes variables of the optimizer.

    Args:
        transformation: the transformation, which holds the learning rate.
        name: the optimizer's name.
    """

    def __init__(self, transformation: Any, name: str = "optax", **kwargs: Any):
        super().__init__(learning_rate=0.0, name=name, **kwargs)
        self._variables.remove(self._learning_rate)
        self.transformation = transformation

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the transformation's state."""
        if self.built:
            return
        super().build(variables)
        with jax.ensure_compile_time_eval():
            state = self.transformation.init([v.stored_value() for v in variables])
        leaves, self._structure = jax.tree.flatten(state)
        self._state = [
            self.add_variable(
                np.shape(leaf), lambda shape, dtype=None, leaf=leaf: leaf, jnp.asarray(leaf).dtype, name=f"state_{i}"
            )
            for i, leaf in enumerate(leaves)
        ]

    def _update(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        given = {id(v): g for v, g in zip(variables, grads, strict=True)}
        weights = self._trainable_variables
        all_grads = [given.get(id(v)) for v in weights]
        all_grads = [jnp.zeros(v.shape, v.dtype) if g is None else g for g, v in zip(all_grads, weights, strict=True)]
        state = jax.tree.unflatten(self._structure, [v.value for v in self._state])
        values = [v.value for v in weights]
        updates, state = self.transformation.update(all_grads, state, values)
        for variable, value in zip(self._state, jax.tree.leaves(state), strict=True):
            variable.assign(value)
        for variable, value, update in zip(weights, values, updates, strict=True):
            if id(variable) in given:
                variable.assign(value + jnp.asarray(update, value.dtype))

    def get_config(self) -> dict[str, Any]:
        """The name alone: functions of a transformation cannot be described in a file."""
        return {"name": self.name}
