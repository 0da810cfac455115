"""Learning rates that fall: in steps, exponentially, as polynomials, inversely, along a cosine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError
from ..checks import finite
from .base import LearningRateSchedule

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay",
    "PolynomialDecay",
]  # fmt: skip


def _steps(step: Any) -> Any:
    return jnp.asarray(step, "float32")


def _check(initial_learning_rate: Any, **steps: Any) -> None:
    finite("initial_learning_rate", initial_learning_rate, least=0)
    for name, value in steps.items():
        finite(name, value, positive=True)


class ExponentialDecay(LearningRateSchedule):
    """η₀ · rate^(step / decay_steps).

    Args:
        initial_learning_rate: η₀.
        decay_steps: steps in which the rate falls by the factor `decay_rate`.
        decay_rate: the factor.
        staircase: fall at every `decay_steps`-th step instead of at each.
        name: the schedule's name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        _check(initial_learning_rate, decay_steps=decay_steps)
        finite("decay_rate", decay_rate, least=0)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`."""
        p = _steps(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (jnp.floor(p) if self.staircase else p)


class InverseTimeDecay(LearningRateSchedule):
    """η₀ / (1 + rate · step / decay_steps).

    Args:
        initial_learning_rate: η₀.
        decay_steps: the unit of time.
        decay_rate: how fast it falls.
        staircase: fall at every `decay_steps`-th step instead of at each.
        name: the schedule's name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        _check(initial_learning_rate, decay_steps=decay_steps)
        finite("decay_rate", decay_rate, least=0)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`."""
        p = _steps(step) / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (jnp.floor(p) if self.staircase else p))


class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to each boundary, the last one after them all.

    Args:
        boundaries: rising step numbers; a rate holds up to and with its boundary.
        values: one rate more than boundaries.
        name: the schedule's name.
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                "values must have one entry more than boundaries. "
                f"Received: {len(boundaries)} boundaries, {len(values)} values"
            )
        for key, numbers in (("boundaries", boundaries), ("values", values)):
            for number in numbers:
                finite(f"each of {key}", number, least=0)
        if any(later <= earlier for earlier, later in itertools.pairwise(boundaries)):
            raise ArgumentError(f"boundaries must rise. Received: boundaries={list(boundaries)}")
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`."""
        index = jnp.sum(_steps(step) > jnp.asarray(self.boundaries, "float32"))
        return jnp.asarray(self.values, "float32")[index]


class PolynomialDecay(LearningRateSchedule):
    """(η₀ − η₁) · (1 − step / decay_steps)^power + η₁.

    Args:
        initial_learning_rate: η₀.
        decay_steps: the steps of the fall.
        end_learning_rate: η₁.
        power: 1 for a straight line.
        cycle: begin anew, over a longer stretch, when the end is reached.
        name: the schedule's name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        _check(initial_learning_rate, decay_steps=decay_steps)
        finite("end_learning_rate", end_learning_rate, least=0)
        finite("power", power, positive=True)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`."""
        step = _steps(step)
        if self.cycle:
            length = self.decay_steps * jnp.where(step == 0, 1.0, jnp.ceil(step / self.decay_steps))
        else:
            length = jnp.asarray(self.decay_steps, "float32")
            step = jnp.minimum(step, length)
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * (1 - step / length) ** self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the top to α times the top, after a straight rise if asked for: Loshchilov & Hutter, 2017.

    Args:
        initial_learning_rate: the rate at the start (of the warm-up, if there is one).
        decay_steps: the steps of the fall.
        alpha: the lowest rate as a fraction of the top.
        name: the schedule's name.
        warmup_target: the top, to which the warm-up rises; None: no warm-up.
        warmup_steps: the steps of the warm-up.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        _check(initial_learning_rate, decay_steps=decay_steps)
        finite("alpha", alpha, least=0)
        finite("warmup_steps", warmup_steps, least=0)
        if warmup_target is not None:
            finite("warmup_target", warmup_target, least=0)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`."""
        step = _steps(step)
        if self.warmup_target is None:
            return self._fall(jnp.minimum(step, self.decay_steps), self.initial_learning_rate)
        rise = self.warmup_target - self.initial_learning_rate
        warm = self.initial_learning_rate + rise * jnp.minimum(step, self.warmup_steps) / max(self.warmup_steps, 1)
        after = jnp.clip(step - self.warmup_steps, 0, self.decay_steps)
        return jnp.where(step < self.warmup_steps, warm, self._fall(after, self.warmup_target))

    def _fall(self, step: Any, top: float) -> Any:
        cosine = 0.5 * (1 + jnp.cos(math.pi * step / self.decay_steps))
        return top * ((1 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each longer and lower: SGDR, Loshchilov & Hutter, 2017, equation 5.

    Args:
        initial_learning_rate: the first top.
        first_decay_steps: the length of the first period.
        t_mul: how much longer each period is than the one before.
        m_mul: how high each top is, as a fraction of the one before.
        alpha: the lowest rate as a fraction of the first top.
        name: the schedule's name.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        _check(initial_learning_rate, first_decay_steps=first_decay_steps, t_mul=t_mul)
        finite("m_mul", m_mul, least=0)
        finite("alpha", alpha, least=0)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        """The learning rate at `step`."""
        done = _steps(step) / self.first_decay_steps
        if self.t_mul == 1.0:
            period = jnp.floor(done)
            done = done - period
        else:
            period = jnp.floor(jnp.log(1 - done * (1 - self.t_mul)) / math.log(self.t_mul))
            before = (1 - self.t_mul**period) / (1 - self.t_mul)
            done = (done - before) / self.t_mul**period
        cosine = 0.5 * self.m_mul**period * (1 + jnp.cos(math.pi * done))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)
