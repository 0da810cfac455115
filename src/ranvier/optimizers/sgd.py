"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.variables import Variable
from .base import Optimizer
from .checks import fraction

__all__ = ["SGD"]


class SGD(Optimizer):
    """w ← w − η g; with momentum m ← μ m − η g, w ← w + m (Polyak, 1964; Nesterov's form after Sutskever et al., 2013).

    Args:
        learning_rate: η, a number or schedule.
        momentum: μ, from 0 to 1.
        nesterov: look ahead: w ← w + μ m − η g with the new m.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        fraction("momentum", momentum, closed=True)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the momenta, if there is momentum."""
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        rate = jnp.asarray(learning_rate, variable.dtype)
        gradient = jnp.asarray(gradient, variable.dtype)
        if not self.momentum:
            self.assign_sub(variable, gradient * rate)
            return
        m = self.momentums[self._get_variable_index(variable)]
        new = m.value * jnp.asarray(self.momentum, variable.dtype) - gradient * rate
        self.assign(m, new)
        step = new * jnp.asarray(self.momentum, variable.dtype) - gradient * rate if self.nesterov else new
        self.assign_add(variable, step)
