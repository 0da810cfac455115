"""Schedule-free AdamW: an average of the weights in place of a falling learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["ScheduleFreeAdamW"]


class ScheduleFreeAdamW(Optimizer):
    r"""Adam's steps on z, their average x, gradients between them at y, which the variables hold: Defazio et al., 2024.

    With ĝ = g / (√(v / (1 − β₂ᵗ)) + ε) and c = 1/t: y ← (1 − c)y + c z + η(β₁(1 − c) − 1)ĝ, z ← z − ηĝ.

    Args:
        learning_rate: η, a number or schedule.
        beta_1: β₁, where y lies between z (0) and x (1); in [0, 1).
        beta_2: β₂, in [0, 1).
        epsilon: ε.
        warmup_steps: steps in which η rises from 0.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-08,
        warmup_steps: int = 0,
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
        finite("warmup_steps", warmup_steps, least=0)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def build(self, variables: Sequence[Variable]) -> None:
        """Make z, which begins as the weights, and the second moment."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"], ["same", "zeros"]
        )

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        dtype = variable.dtype
        g, step = jnp.asarray(gradient, dtype), self._step_number(dtype)
        warmth = jnp.minimum(1, step / self.warmup_steps) if self.warmup_steps else 1
        rate, c = jnp.asarray(learning_rate * warmth, dtype), jnp.asarray(1 / step, dtype)
        i = self._get_variable_index(variable)
        z, v = self._momentums[i], self._velocities[i]
        new_v = v.value + (jnp.square(g) - v.value) * (1 - self.beta_2)
        self.assign(v, new_v)
        g = g / (jnp.sqrt(new_v / jnp.asarray(1 - self.beta_2**step, dtype)) + self.epsilon)
        self.assign(variable, (1 - c) * variable.value + c * z.value + rate * (self.beta_1 * (1 - c) - 1) * g)
        self.assign(z, z.value - rate * g)
