"""Adafactor: the second moment of a matrix from its row and column means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError
from ..core.variables import Variable
from .base import Optimizer
from .checks import finite

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    r"""Adam's second moment in the memory of a vector or two: Shazeer & Stern, 2018, algorithms 4 and 5.

    r and c are running means of g² + ε₁ over columns and rows, with β₂ₜ = 1 − tᵖ (p = `beta_2_decay`);
    v = r cᵀ / mean(r), or, for weights with fewer than two axes, the running mean itself. With u = g / √v:
    w ← w − ηₜ max(ε₂, rms(w)) · u / max(1, rms(u) / d), where ηₜ = min(η, 1/√t) if `relative_step`, else η.

    Args:
        learning_rate: η, a number or schedule.
        beta_2_decay: p, at most 0.
        epsilon_1: ε₁, added to squared gradients.
        epsilon_2: ε₂, the least size that a weight counts for.
        clip_threshold: d, the largest root mean square of an update.
        relative_step: let the steps shrink as 1/√t.
        **kwargs: as in `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        finite("beta_2_decay", beta_2_decay)
        if beta_2_decay > 0:
            raise ArgumentError(f"beta_2_decay must be at most 0. Received: {beta_2_decay=}")
        finite("epsilon_1", epsilon_1, least=0)
        finite("epsilon_2", epsilon_2, least=0)
        finite("clip_threshold", clip_threshold, positive=True)
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the means. Where there is nothing to factor, two numbers keep the places of r and c in Keras's files."""
        if self.built:
            return
        super().build(variables)
        self._rows: list[Variable] = []
        self._columns: list[Variable] = []
        self._velocities: list[Variable] = []
        for variable in variables:
            name, shape, dtype = variable.name, variable.shape, variable.dtype
            factored = len(shape) >= 2
            for slots, rest in ((self._rows, shape[:-1]), (self._columns, (*shape[:-2], *shape[-1:]))):
                slots.append(
                    self.add_variable(rest if factored else (), "zeros", dtype if factored else "int32", name=name)
                )
            self._velocities.append(self.add_variable_from_reference(variable, "velocity"))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change `variable` for one gradient."""
        dtype = variable.dtype
        g, step = jnp.asarray(gradient, dtype), self._step_number(dtype)
        rate = jnp.minimum(learning_rate, 1 / jnp.sqrt(step)) if self.relative_step else learning_rate
        rate = jnp.asarray(rate, dtype)
        keep = jnp.asarray(1 - step**self.beta_2_decay, dtype)
        i = self._get_variable_index(variable)
        r, c, v = self._rows[i], self._columns[i], self._velocities[i]
        squared = jnp.square(g) + self.epsilon_1
        if variable.ndim >= 2:
            new_r = keep * r.value + (1 - keep) * jnp.mean(squared, -1)
            new_c = keep * c.value + (1 - keep) * jnp.mean(squared, -2)
            self.assign(r, new_r)
            self.assign(c, new_c)
            new_v = (new_r / jnp.mean(new_r, -1, keepdims=True))[..., None] * new_c[..., None, :]
        else:
            new_v = keep * v.value + (1 - keep) * squared
        self.assign(v, new_v)
        update = g / jnp.sqrt(new_v)
        update = update / jnp.maximum(1, _rms(update) / self.clip_threshold)
        self.assign_sub(variable, rate * jnp.maximum(self.epsilon_2, _rms(variable.value)) * update)


def _rms(x: Any) -> Any:
    return jnp.sqrt(jnp.mean(jnp.square(x)))
