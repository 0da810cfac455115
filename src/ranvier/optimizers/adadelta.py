"""Adadelta: steps in the unit of the weights, from two running means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    r"""a ← ρa + (1 − ρ)g², δ = g · √(d + ε) / √(a + ε), w ← w − ηδ, d ← ρd + (1 − ρ)δ²: Zeiler, 2012, algorithm 1.

    Args:
        learning_rate: η, a number or schedule (1 is the paper's).
        rho: ρ, in [0, 1).
        epsilon: ε.
        **kwargs: as in `Optimizer`.

    >>> Adadelta(rho=0.9).rho
    0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-07,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        fraction("rho", rho)
        finite("epsilon", epsilon, least=0)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.rho = rho
        self.epsilon = epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the two means."""
        if self.built:
            return
        super().build(variables)
        self._squared_gradients, self._squared_steps = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        rate, g = jnp.asarray(learning_rate, variable.dtype), jnp.asarray(gradient, variable.dtype)
        i = self._get_variable_index(variable)
        a, d = self._squared_gradients[i], self._squared_steps[i]
        new_a = self.rho * a.value + (1 - self.rho) * jnp.square(g)
        step = g * jnp.sqrt(d.value + self.epsilon) / jnp.sqrt(new_a + self.epsilon)
        self.assign(a, new_a)
        self.assign(d, self.rho * d.value + (1 - self.rho) * jnp.square(step))
        self.assign_sub(variable, rate * step)
