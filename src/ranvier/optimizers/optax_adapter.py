"""An optax transformation as an optimizer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, SerializationError
from ..core.variables import Variable
from .base import Optimizer

__all__ = ["OptaxOptimizer", "is_optax"]


def is_optax(thing: Any) -> bool:
    """Whether `thing` looks like an optax `GradientTransformation`: a named tuple of `init` and `update`."""
    fields = getattr(thing, "_fields", ())
    return isinstance(thing, tuple) and fields[:2] == ("init", "update")


class OptaxOptimizer(Optimizer):
    """Updates by an optax transformation, whose state becomes variables of the optimizer.

    The transformation holds the learning rate. It can be read and assigned here where the transformation was made with
    ``optax.inject_hyperparams``.

    Args:
        transformation: an optax `GradientTransformation`.
        name: the optimizer's name.
        **kwargs: as in `Optimizer`, but for `learning_rate` and `weight_decay`, which are the transformation's.

    Raises:
        ArgumentTypeError: `transformation` is not one.
        ArgumentError: a learning rate or a weight decay.
    """

    def __init__(self, transformation: Any, name: str | None = "optax", **kwargs: Any):
        if not is_optax(transformation):
            raise ArgumentTypeError(
                "transformation must be an optax GradientTransformation. "
                f"Received: {transformation!r} of type {type(transformation).__name__}"
            )
        for argument, instead in (("learning_rate", "optax.scale"), ("weight_decay", "optax.add_decayed_weights")):
            if kwargs.get(argument) is not None:
                raise ArgumentError(
                    f"{argument} belongs into the transformation ({instead}). Received: {argument}={kwargs[argument]!r}"
                )
        super().__init__(learning_rate=_ones, name=name, **kwargs)
        self.transformation = transformation
        self._rate: Variable | None = None

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the transformation's state."""
        if self.built:
            return
        super().build(variables)
        with jax.ensure_compile_time_eval():
            state = self.transformation.init([v.stored_value() for v in variables])
        paths, self._structure = jax.tree.flatten_with_path(state)
        self._state = [
            self.add_variable(
                np.shape(leaf), functools.partial(_given, leaf), jnp.asarray(leaf).dtype, name=f"state_{i}"
            )
            for i, (_, leaf) in enumerate(paths)
        ]
        for (path, _), variable in zip(paths, self._state, strict=True):
            if jax.tree_util.keystr(path).endswith(".hyperparams['learning_rate']"):
                self._rate = variable

    @property
    def learning_rate(self) -> Any:
        """The learning rate of a transformation made with ``optax.inject_hyperparams``.

        Raises:
            AttributeError: another transformation, whose learning rate nobody can see, or one that is not built.
        """
        if self._rate is None:
            raise AttributeError(
                "The learning rate is inside the optax transformation. To read or assign it, make the transformation "
                "with optax.inject_hyperparams, as in optax.inject_hyperparams(optax.adam)(learning_rate=1e-3), and "
                "build the optimizer."
            )
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.learning_rate.assign(value)

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

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Refused, since a file cannot hold the functions of a transformation.

        Raises:
            SerializationError: always.
        """
        raise SerializationError(
            "An optax transformation is made of functions, which a config cannot hold. Make it again in the program, "
            "and give it to compile()."
        )


def _ones() -> float:
    return 1.0


def _given(leaf: Any, shape: Any, dtype: Any = None) -> Any:
    return leaf
