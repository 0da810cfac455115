"""RMSprop: steps scaled by a running mean of squared gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """v ← ρv + (1 − ρ)g², w ← w − η g / √(v + ε): Tieleman & Hinton, 2012, lecture 6.5.

    Args:
        learning_rate: η, a number or schedule.
        rho: ρ, in [0, 1).
        momentum: accumulate the steps, from 0 to 1.
        epsilon: ε.
        centered: subtract the squared running mean of the gradient from v: Graves, 2013.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-07,
        centered: bool = False,
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
        fraction("momentum", momentum, closed=True)
        finite("epsilon", epsilon, least=0)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the running means."""
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum > 0 else []
        self._average_gradients = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        rate, g = jnp.asarray(learning_rate, variable.dtype), jnp.asarray(gradient, variable.dtype)
        i = self._get_variable_index(variable)
        v = self._velocities[i]
        new_v = self.rho * v.value + (1 - self.rho) * jnp.square(g)
        self.assign(v, new_v)
        if self.centered:
            mean = self._average_gradients[i]
            new_mean = self.rho * mean.value + (1 - self.rho) * g
            self.assign(mean, new_mean)
            new_v = new_v - jnp.square(new_mean)
        step = rate * g / jnp.sqrt(new_v + self.epsilon)
        if self.momentum > 0:
            m = self._momentums[i]
            step = self.momentum * m.value + step
            self.assign(m, step)
        self.assign_sub(variable, step)
