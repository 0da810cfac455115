"""Follow the regularised leader: sparse weights for wide, rare features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError
from ..core.variables import Variable
from .base import Optimizer
from .checks import finite
from .state import constant

__all__ = ["Ftrl"]


class Ftrl(Optimizer):
    r"""FTRL-Proximal of McMahan et al., 2013, algorithm 1, with the exponent and the shrinkage as options.

    With p = `learning_rate_power`, s = `l2_shrinkage_regularization_strength` and λ₂' = λ₂ + β/(2η):
    n' = n + g², z ← z + g + 2sw − (n'⁻ᵖ − n⁻ᵖ)/η · w, w ← (clip(z, ±λ₁) − z) / (n'⁻ᵖ/η + 2λ₂').

    Args:
        learning_rate: η, a number or schedule.
        learning_rate_power: p, at most 0; 0 for a fixed learning rate.
        initial_accumulator_value: what n begins with; at least 0.
        l1_regularization_strength: λ₁, at least 0.
        l2_regularization_strength: λ₂, at least 0.
        l2_shrinkage_regularization_strength: s, at least 0; a decay of the gradient's side only.
        beta: β, at least 0.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        finite("learning_rate_power", learning_rate_power)
        if learning_rate_power > 0:
            raise ArgumentError(f"learning_rate_power must be at most 0. Received: {learning_rate_power=}")
        finite("initial_accumulator_value", initial_accumulator_value, least=0)
        finite("l1_regularization_strength", l1_regularization_strength, least=0)
        finite("l2_regularization_strength", l2_regularization_strength, least=0)
        finite("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength, least=0)
        finite("beta", beta, least=0)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def build(self, variables: Sequence[Variable]) -> None:
        """Make n and z."""
        if self.built:
            return
        super().build(variables)
        start = self.initial_accumulator_value
        self._accumulators, self._linears = self.add_optimizer_variables(
            variables, ["accumulator", "linear"], [constant(start), "zeros"]
        )

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        rate, g = jnp.asarray(learning_rate, variable.dtype), jnp.asarray(gradient, variable.dtype)
        i = self._get_variable_index(variable)
        n, z = self._accumulators[i], self._linears[i]
        w, power, l1 = variable.value, -self.learning_rate_power, self.l1_regularization_strength
        new_n = n.value + jnp.square(g)
        shrunk = g + 2 * self.l2_shrinkage_regularization_strength * w
        new_z = z.value + shrunk - (new_n**power - n.value**power) / rate * w
        self.assign(n, new_n)
        self.assign(z, new_z)
        quadratic = new_n**power / rate + 2 * (self.l2_regularization_strength + self.beta / (2 * rate))
        self.assign(variable, (jnp.clip(new_z, -l1, l1) - new_z) / quadratic)
