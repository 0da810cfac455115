"""Dynamic loss scaling around another optimizer, for float16."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..core.errors import ArgumentError, ArgumentTypeError
from ..core.ownership import unique
from ..core.pure import pure
from ..core.settings import floatx
from ..core.variables import Variable
from .base import Optimizer
from .checks import finite
from .state import constant

__all__ = ["LossScaleOptimizer"]

_INNER = inspect.signature(Optimizer.__init__).parameters


def _without_factor(optimizer: Optimizer) -> None:
    """Clear the fixed loss scales of an optimizer and of the optimizers inside it."""
    optimizer.loss_scale_factor = None
    for part in getattr(optimizer, "optimizers", ()):
        _without_factor(part)


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss so that small float16 gradients survive: Micikevicius et al., 2018, section 3.2.

    A step whose gradients are not finite is left out and halves the scale; `dynamic_growth_steps` good steps in a row
    double it.

    The inner optimizer sees gradients as they would be without the scale: a `loss_scale_factor` of its own is put aside, and
    clipping, averages of weights and accumulation are its own business. A weight that is overwritten with its gradient gets
    it as it comes.

    Args:
        inner_optimizer: the optimizer that makes the updates.
        initial_scale: the scale at the start.
        dynamic_growth_steps: good steps in a row after which the scale doubles.
        name: the optimizer's name.
        dynamic: accepted where it is True, which the scale always is.

    Raises:
        ArgumentError: options that belong to the inner optimizer.

    >>> from ranvier.optimizers import SGD
    >>> float(LossScaleOptimizer(SGD(), initial_scale=8.0).scale_loss(2.0))
    16.0
    """

    #: What the inner optimizer's own configuration says.
    config_excluded: ClassVar[frozenset[str]] = frozenset(_INNER) - {"name"} | {"dynamic"}

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        dynamic: bool = True,
        **kwargs: Any,
    ):
        if not isinstance(inner_optimizer, Optimizer):
            raise ArgumentTypeError(
                f"inner_optimizer must be an optimizer. Received: inner_optimizer={inner_optimizer!r} of type "
                f"{type(inner_optimizer).__name__}"
            )
        finite("initial_scale", initial_scale, positive=True)
        if not isinstance(dynamic_growth_steps, int) or dynamic_growth_steps < 1:
            raise ArgumentError(f"dynamic_growth_steps must be a positive integer. Received: {dynamic_growth_steps=}")
        if dynamic is not True:
            raise ArgumentError(f"The scale is always dynamic. Received: dynamic={dynamic!r}")
        for option, value in kwargs.items():
            if option in _INNER and value != _INNER[option].default:
                raise ArgumentError(
                    f"LossScaleOptimizer takes no {option}: set it on the inner_optimizer, "
                    f"{type(inner_optimizer).__name__}(…, {option}={value!r}). Received: {option}={value!r}"
                )
        super().__init__(learning_rate=0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        _without_factor(inner_optimizer)
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the scale and the inner optimizer's state."""
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable((), constant(self.initial_scale), "float32", name="dynamic_scale")
        self.inner_optimizer.build(variables)
        _without_factor(self.inner_optimizer)  # those that a map chose only now, too
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own state and the inner optimizer's."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """The inner optimizer's number of updates."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss: Any) -> Any:
        """The loss, an array or a plain number, times the scale."""
        loss = jnp.asarray(loss)
        if not jnp.issubdtype(loss.dtype, jnp.inexact):
            loss = loss.astype(floatx())
        return loss * jnp.asarray(self.dynamic_scale.value if self.built else self.initial_scale, loss.dtype)

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Unscale the gradients and update, unless they are not finite."""
        weights = list(trainable_variables) if trainable_variables is not None else self._trainable_variables
        self.build(weights)
        scale = self.dynamic_scale.value
        grads = [
            g if g is None or v.overwrite_with_gradient else g / jnp.asarray(scale, g.dtype)
            for g, v in zip(grads, weights, strict=True)
        ]
        good = self.check_finite(grads)
        # Those that are frozen now are not updated, but lie in the inner optimizer's scope.
        scope = unique([*weights, *self._trainable_variables, *self.variables])

        def update() -> None:
            self.inner_optimizer.apply(grads, weights)
            grown = self.step_counter.value + 1 == self.dynamic_growth_steps
            self.step_counter.assign(jnp.where(grown, 0, self.step_counter.value + 1))
            doubled = jnp.where(jnp.isfinite(scale * 2), scale * 2, scale)
            self.dynamic_scale.assign(jnp.where(grown, doubled, scale))

        def skip() -> None:
            self.step_counter.assign(0)
            self.dynamic_scale.assign(scale / 2)

        branches = [lambda v, f=f: pure(f, scope)(v)[1] for f in (update, skip)]
        for variable, value in zip(scope, jax.lax.cond(good, *branches, [v.value for v in scope]), strict=True):
            variable.assign(value)

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Whether every number in the gradients is finite."""
        return jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in grads if g is not None]))

    def averaged_weights(self) -> list[tuple[Variable, Variable]]:
        """As the inner optimizer keeps them."""
        return self.inner_optimizer.averaged_weights()

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """As the inner optimizer does it."""
        self.inner_optimizer.finalize_variable_values(var_list)
