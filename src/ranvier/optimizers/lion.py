"""Lion: steps of equal size, in the direction of a sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["Lion"]


class Lion(Optimizer):
    r"""w ← w − η sign(β₁m + (1 − β₁)g), m ← β₂m + (1 − β₂)g: Chen et al., 2023, algorithm 2.

    Args:
        learning_rate: η, a number or schedule; a third to a tenth of Adam's.
        beta_1: β₁, in (0, 1].
        beta_2: β₂, in [0, 1).
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        finite("beta_1", beta_1, positive=True)
        fraction("beta_1", beta_1, closed=True)
        fraction("beta_2", beta_2)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the momenta."""
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        rate, g = jnp.asarray(learning_rate, variable.dtype), jnp.asarray(gradient, variable.dtype)
        m = self._momentums[self._get_variable_index(variable)]
        self.assign_sub(variable, rate * jnp.sign(m.value * self.beta_1 + g * (1 - self.beta_1)))
        self.assign(m, m.value * self.beta_2 + g * (1 - self.beta_2))
