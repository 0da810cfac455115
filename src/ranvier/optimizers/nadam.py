"""Nadam: Adam with Nesterov's look ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["Nadam"]


class Nadam(Optimizer):
    r"""Adam whose first moment looks one step ahead, with β₁'s own schedule μₜ = β₁(1 − ½ · 0.96ᵗ): Dozat, 2016.

    With Πₜ = μ₁ ⋯ μₜ: m̂ = μₜ₊₁ m / (1 − Πₜ₊₁) + (1 − μₜ) g / (1 − Πₜ), w ← w − η m̂ / (√(v / (1 − β₂ᵗ)) + ε).

    Args:
        learning_rate: η, a number or schedule.
        beta_1: β₁, in [0, 1).
        beta_2: β₂, in [0, 1).
        epsilon: ε.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        fraction("beta_1", beta_1)
        fraction("beta_2", beta_2)
        finite("epsilon", epsilon, least=0)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the moments and the product of the μ."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._u_product = self.add_variable((), initializer="ones", name="u_product")

    def _mu(self, step: Any) -> Any:
        return self.beta_1 * (1.0 - 0.5 * 0.96**step)

    def _update(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        self._u_product.assign(self._u_product.value * self._mu(self._step_number()))
        super()._update(grads, variables, learning_rate)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        dtype = variable.dtype
        rate, g = jnp.asarray(learning_rate, dtype), jnp.asarray(gradient, dtype)
        step = self._step_number(dtype)
        mu, ahead = self._mu(step), self._mu(step + 1)
        product = self._u_product.value
        i = self._get_variable_index(variable)
        m, v = self._momentums[i], self._velocities[i]
        new_m = m.value + (g - m.value) * (1 - self.beta_1)
        new_v = v.value + (jnp.square(g) - v.value) * (1 - self.beta_2)
        self.assign(m, new_m)
        self.assign(v, new_v)
        share_m, share_g = ahead / (1 - product * ahead), (1 - mu) / (1 - product)
        m_hat = jnp.asarray(share_m, dtype) * new_m + jnp.asarray(share_g, dtype) * g
        v_hat = new_v / jnp.asarray(1 - self.beta_2**step, dtype)
        self.assign_sub(variable, rate * m_hat / (jnp.sqrt(v_hat) + self.epsilon))
