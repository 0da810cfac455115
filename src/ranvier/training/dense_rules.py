"""How optimizers' steps are told to the kernel that trains dense networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ..core.pure import pure
from ..core.variables import Variable
from ..optimizers import SGD, Adam, AdamW, RMSprop
from ..optimizers.schedules.base import LearningRateSchedule

__all__ = ["RULES", "StepRule", "step_rule"]

#: In the kernel's order (`Rule` in kernels/src/dense.h).
RULES = ("descent", "momentum", "nesterov", "adam", "root_mean_square")


@dataclass
class StepRule:
    """An optimizer's step.

    Args:
        name: one of `RULES`.
        numbers: momentum: (μ,); Adam: (1 − β₁, 1 − β₂, ε); root mean square: (ρ, 1 − ρ, ε).
        slots: for each weight what is kept of it.
        rates: ``(values of the optimizer's variables, steps, start) → (steps, 2)``: what each step multiplies with, and
            how much each weight decays; step `start` is the next.
    """

    name: str
    numbers: tuple[float, ...]
    slots: list[list[Variable]]
    rates: Callable[[list[Any], int, Any], Any]


def step_rule(optimizer: Any) -> StepRule | None:
    """The step of `optimizer`, or None where the kernel does not know it."""
    read = _READ.get(type(optimizer))
    if read is None or not _usual(optimizer):
        return None
    found = read(optimizer)
    if found is None:
        return None
    name, numbers, slots = found
    count = len(optimizer._trainable_variables)
    return StepRule(name, numbers, [[s[i] for s in slots] for i in range(count)], _rates_of(optimizer))


def _usual(optimizer: Any) -> bool:
    asked = (optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm, optimizer.loss_scale_factor,
             optimizer.gradient_accumulation_steps)  # fmt: skip
    schedule = optimizer._schedule
    known = schedule is None or isinstance(schedule, LearningRateSchedule)
    decays = not optimizer.weight_decay or optimizer._undecayed == ([], ())
    own = {"update_step", "apply", "stateless_apply", "apply_gradients"} & vars(optimizer).keys()
    return optimizer.built and not own and not any(asked) and not optimizer.use_ema and known and decays


def _rates_of(optimizer: Any) -> Callable[[list[Any], int, Any], Any]:
    variables = optimizer.variables
    place = next(i for i, v in enumerate(variables) if v is optimizer._iterations)

    def one() -> Any:
        rate = optimizer._current_learning_rate()
        return jnp.stack([optimizer._step_rate(rate), jnp.asarray(rate * (optimizer.weight_decay or 0.0), jnp.float32)])

    def rates(values: list[Any], steps: int, start: Any) -> Any:
        def at(later: Any) -> Any:
            moved = [*values]
            moved[place] = values[place] + later
            return pure(one, variables)(moved)[0]

        return jax.vmap(at)(jnp.arange(steps, dtype=jnp.int32) - jnp.asarray(start, jnp.int32))

    return rates


def _read_sgd(o: SGD) -> Any:
    if not o.momentum:
        return "descent", (), []
    return "nesterov" if o.nesterov else "momentum", (o.momentum,), [o.momentums]


def _read_adam(o: Adam) -> Any:
    return None if o.amsgrad else ("adam", (1 - o.beta_1, 1 - o.beta_2, o.epsilon), [o._momentums, o._velocities])


def _read_rmsprop(o: RMSprop) -> Any:
    if o.centered or o.momentum:
        return None
    return "root_mean_square", (o.rho, 1 - o.rho, o.epsilon), [o._velocities]


_READ: dict[type, Callable[[Any], Any]] = {Adam: _read_adam, AdamW: _read_adam, RMSprop: _read_rmsprop, SGD: _read_sgd}
