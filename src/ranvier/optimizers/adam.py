"""Adam: steps scaled by running moments of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["Adam"]


class Adam(Optimizer):
    """m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε): Kingma & Ba, 2015.

    Args:
        learning_rate: η, a number or schedule.
        beta_1: β₁, in [0, 1).
        beta_2: β₂, in [0, 1).
        epsilon: ε (the paper's ε-hat).
        amsgrad: divide by the largest v so far: Reddi et al., 2018.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the moments."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat") if self.amsgrad else []

    def _step_rate(self, learning_rate: Any, dtype: str = "float32") -> Any:
        """η √(1 − β₂ᵗ)/(1 − β₁ᵗ)."""
        step = self._step_number(dtype)
        return jnp.asarray(learning_rate * jnp.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step), dtype)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        dtype = variable.dtype
        g = jnp.asarray(gradient, dtype)
        i = self._get_variable_index(variable)
        m, v = self._momentums[i], self._velocities[i]
        scale = self._step_rate(learning_rate, dtype)
        new_m = m.value + (g - m.value) * (1 - self.beta_1)
        new_v = v.value + (jnp.square(g) - v.value) * (1 - self.beta_2)
        self.assign(m, new_m)
        self.assign(v, new_v)
        if self.amsgrad:
            hat = self._velocity_hats[i]
            new_v = jnp.maximum(hat.value, new_v)
            self.assign(hat, new_v)
        self.assign_sub(variable, new_m * scale / (jnp.sqrt(new_v) + self.epsilon))
