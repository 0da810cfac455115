"""Muon: orthogonal steps for matrices, Adam's for the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError
from ..core.variables import Variable
from .base import Optimizer
from .checks import finite, fraction

__all__ = ["Muon"]


class Muon(Optimizer):
    r"""Momentum with steps made orthogonal, for matrices: Jordan et al., 2024; scaled as in Liu et al., 2025.

    m ← μm + g, u = g + μm (or m, without `nesterov`), X = u / ‖u‖, then `ns_steps` times, with A = X Xᵀ,
    X ← aX + (bA + cA²)X, and w ← w − η · `rms_rate` · √(largest side) · X.
    Weights with another number of axes, embeddings and `exclude_layers` take Adam's steps.

    Args:
        learning_rate: η, a number or schedule.
        adam_beta_1, adam_beta_2, epsilon: as in `Adam`.
        adam_weight_decay: the weight decay of what takes Adam's steps.
        weight_decay: the weight decay of the matrices.
        exclude_layers: patterns; variables whose paths match one take Adam's steps.
        exclude_embeddings: whether variables with "embedding" in their paths do.
        muon_a, muon_b, muon_c: the coefficients of the Newton–Schulz iteration.
        adam_lr_ratio: Adam's learning rate as a multiple of η.
        momentum: μ, from 0 to 1.
        ns_steps: the number of iterations.
        nesterov: look ahead.
        rms_rate: the root mean square of a step at η = 1; None: orthogonal matrices as they are.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-07,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ):
        fraction("adam_beta_1", adam_beta_1)
        fraction("adam_beta_2", adam_beta_2)
        fraction("momentum", momentum, closed=True)
        for key, value in (("adam_weight_decay", adam_weight_decay), ("rms_rate", rms_rate)):
            if value is not None:
                finite(key, value, least=0)
        for key, value in (("epsilon", epsilon), ("adam_lr_ratio", adam_lr_ratio)):
            finite(key, value, least=0)
        for key, value in (("muon_a", muon_a), ("muon_b", muon_b), ("muon_c", muon_c)):
            finite(key, value)
        if not isinstance(ns_steps, int) or ns_steps < 1:
            raise ArgumentError(f"ns_steps must be a positive integer. Received: {ns_steps=}")
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate
        self.exclude_layers = list(exclude_layers or [])

    def _takes_adam(self, variable: Variable) -> bool:
        if variable.ndim != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the momenta, and second moments for what takes Adam's steps."""
        if self.built:
            return
        super().build(variables)
        self._momentums: list[Variable] = []
        self._velocities: list[Variable | None] = []
        for variable in variables:
            self._momentums.append(self.add_variable_from_reference(variable, "momentum"))
            adam = self._takes_adam(variable)
            self._velocities.append(self.add_variable_from_reference(variable, "velocity") if adam else None)

    def _decay_of(self, variable: Variable) -> float | None:
        return self.adam_weight_decay if self._takes_adam(variable) else self.weight_decay

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        g = jnp.asarray(gradient, variable.dtype)
        i = self._get_variable_index(variable)
        m, v = self._momentums[i], self._velocities[i]
        if v is not None:
            self._adam_step(g, variable, learning_rate * self.adam_lr_ratio, m, v)
            return
        new_m = self.momentum * m.value + g
        self.assign(m, new_m)
        looked_ahead = g + self.momentum * new_m if self.nesterov else new_m
        step = self.lr_adjust(self.zeropower_via_newtonschulz5(looked_ahead, self.ns_steps))
        self.assign_sub(variable, jnp.asarray(learning_rate, variable.dtype) * step)

    def _adam_step(self, g: Any, variable: Variable, rate: Any, m: Variable, v: Variable) -> None:
        step = self._step_number(variable.dtype)
        new_m = m.value + (g - m.value) * (1 - self.adam_beta_1)
        new_v = v.value + (jnp.square(g) - v.value) * (1 - self.adam_beta_2)
        self.assign(m, new_m)
        self.assign(v, new_v)
        scale = rate * jnp.sqrt(1 - self.adam_beta_2**step) / (1 - self.adam_beta_1**step)
        self.assign_sub(variable, jnp.asarray(scale, variable.dtype) * new_m / (jnp.sqrt(new_v) + self.epsilon))

    def transpose_last_axis(self, X: Any) -> Any:
        """The matrix with its two axes exchanged."""
        return jnp.swapaxes(X, -1, -2)

    def lr_adjust(self, x: Any) -> Any:
        """The step for an orthogonal matrix: of the root mean square `rms_rate`, if one is given."""
        if self.rms_rate is None:
            return x
        return x * jnp.asarray(self.rms_rate * math.sqrt(max(x.shape)), x.dtype)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Nearly the orthogonal matrix next to `x`, by `steps` Newton–Schulz iterations on its shorter side."""
        tall = x.shape[0] > x.shape[1]
        x = self.transpose_last_axis(x) if tall else x
        x = x / (jnp.sqrt(jnp.sum(jnp.square(x))) + 1e-7)
        for _ in range(steps):
            a = x @ x.T
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * a @ a) @ x
        return self.transpose_last_axis(x) if tall else x
