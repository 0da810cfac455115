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
        self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, name: str = "SGD", **kwargs: Any
    ):
        fraction("momentum", momentum, closed=True)
        super().__init__(learning_rate, name=name, **kwargs)
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
