"""Adamax: Adam with the largest gradient in place of the second moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["Adamax"]


class Adamax(Optimizer):
    r"""m ← β₁m + (1 − β₁)g, u ← max(β₂u, |g|), w ← w − η/(1 − β₁ᵗ) · m / (u + ε): Kingma & Ba, 2015, section 7.1.

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
        """Make the moments."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._norms = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        dtype = variable.dtype
        g = jnp.asarray(gradient, dtype)
        step = self._step_number(dtype)
        i = self._get_variable_index(variable)
        m, u = self._momentums[i], self._norms[i]
        new_m = m.value + (g - m.value) * (1 - self.beta_1)
        new_u = jnp.maximum(self.beta_2 * u.value, jnp.abs(g))
        self.assign(m, new_m)
        self.assign(u, new_u)
        scale = jnp.asarray(learning_rate / (1 - self.beta_1**step), dtype)
        self.assign_sub(variable, scale * new_m / (new_u + self.epsilon))
