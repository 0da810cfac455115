"""Adagrad: steps scaled by the sum of squared gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite
from .state import constant

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """s ← s + g², w ← w − η g / √(s + ε): Duchi et al., 2011.

    Args:
        learning_rate: η, a number or schedule.
        initial_accumulator_value: what s begins with; at least 0.
        epsilon: ε.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
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
        finite("initial_accumulator_value", initial_accumulator_value, least=0)
        finite("epsilon", epsilon, least=0)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the sums."""
        if self.built:
            return
        super().build(variables)
        start = self.initial_accumulator_value
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", constant(start))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        rate, g = jnp.asarray(learning_rate, variable.dtype), jnp.asarray(gradient, variable.dtype)
        s = self._accumulators[self._get_variable_index(variable)]
        new = s.value + jnp.square(g)
        self.assign(s, new)
        self.assign_sub(variable, rate * g / jnp.sqrt(new + self.epsilon))
