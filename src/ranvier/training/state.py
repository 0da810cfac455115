"""`TrainState`: everything that training changes, as one value with one owner at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ..core.variables import Variable

__all__ = ["Roles", "TrainState"]


class Roles(NamedTuple):
    """The variables of a model, by the part they play in training; each list fixes an order of values."""

    trainable: list[Variable]
    non_trainable: list[Variable]
    optimizer: list[Variable]
    metrics: list[Variable]

    def key(self) -> tuple[Any, ...]:
        """What makes two sets of roles the same program: the same variables in the same parts."""
        return tuple(tuple(id(v) for v in part) for part in self)


class TrainState(NamedTuple):
    """The values of a model's variables during training.

    The first four fields are in the order of Keras's stateless functions. Arrays in it may be donated to the
    running program: while a loop owns the state, nobody else reads it, and `put` gives it back.
    """

    trainable: list[Any]
    non_trainable: list[Any]
    optimizer: list[Any]
    metrics: list[Any]
    bad_step: Any  # int32, (): the first step since the state was taken whose loss was not finite; -1 if none

    @classmethod
    def take(cls, roles: Roles) -> TrainState:
        """The present values of the variables."""
        return cls(*([v.stored_value() for v in part] for part in roles), bad_step=np.int32(-1))

    @classmethod
    def take_weights(cls, roles: Roles) -> TrainState:
        """The present values of what `predict` needs: every array that is passed along costs a microsecond."""
        trainable, non_trainable = ([v.stored_value() for v in part] for part in roles[:2])
        return cls(trainable, non_trainable, [], [], None)

    def laid_out(self, roles: Roles) -> TrainState:
        """The same, inside a program, each array as its variable lies on the devices of a distribution."""
        parts = [
            [
                v if r.layout is None else jax.lax.with_sharding_constraint(v, r.layout)
                for v, r in zip(*part, strict=True)
            ]
            for part in zip(self[:4], roles, strict=True)
        ]
        return TrainState(*parts, bad_step=self.bad_step)

    def put(self, roles: Roles) -> None:
        """Give the values back to the variables."""
        for part, values in zip(roles, self[:4], strict=True):
            _store(part, values)


def _store(variables: Sequence[Variable], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.store(value)
