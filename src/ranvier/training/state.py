"""`TrainState`: everything that training changes, as one value with one owner at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ..core.ownership import owned, unique
from ..core.random import SeedGenerator, shared_state
from ..core.variables import Variable
from ..layers.base import Layer
from ..losses import Loss
from ..metrics import Metric
from ..ops.symbolic import flatten as leaves
from ..optimizers import Optimizer

__all__ = ["Roles", "TrainState", "further_owners", "other_optimizers"]


class Roles(NamedTuple):
    """The variables of a model, by the part they play in training; each list fixes an order of values."""

    trainable: list[Variable]
    non_trainable: list[Variable]
    optimizer: list[Variable]
    metrics: list[Variable]
    further: list[Variable]  # of other optimizers, and of layers that metrics and losses hold

    @classmethod
    def of(cls, model: Any) -> Roles:
        """The roles of a compiled model's variables, as they are now."""
        optimizer = list(model.optimizer.variables) if model.optimizer is not None else []
        known = cls(model.trainable_variables, model.non_trainable_variables, optimizer, model.metrics_variables, [])
        ids = {id(v) for part in known for v in part}
        further = [v for owner in further_owners(model) for v in _variables_of(owner)]
        return known._replace(further=unique(v for v in [*further, *shared_state()] if id(v) not in ids))

    def key(self) -> tuple[Any, ...]:
        """What makes two sets of roles the same program: the same variables in the same parts."""
        return tuple(tuple(id(v) for v in part) for part in self)


def other_optimizers(model: Any) -> list[Optimizer]:
    """The optimizers that a model and its layers hold besides the one that it is compiled with."""
    layers = model._flatten_layers()
    found = [optimizer for layer in layers for optimizer in owned(layer, Optimizer)]
    found += [o for layer in layers if isinstance(o := getattr(layer, "optimizer", None), Optimizer)]
    return unique(optimizer for optimizer in found if optimizer is not model.optimizer)


def further_owners(model: Any) -> list[Any]:
    """What holds variables that a training step may touch, besides the layers, the optimizer and the metrics."""
    losses = [loss for loss in leaves(getattr(model, "loss", None)) if isinstance(loss, Loss)]
    losses += [loss for layer in model._flatten_layers() for loss in owned(layer, Loss)]
    metrics = model.metrics
    inside = [held for owner in (*losses, *metrics) for held in owned(owner, (Layer, Metric))]
    seeds = [seed for owner in (*losses, *metrics) for seed in owned(owner, SeedGenerator)]
    return unique([*other_optimizers(model), *losses, *inside, *seeds])


def _variables_of(owner: Any) -> list[Variable]:
    if isinstance(owner, SeedGenerator):
        return [owner.state]
    return owned(owner, Variable) if isinstance(owner, Loss) else owner.variables


class TrainState(NamedTuple):
    """The values of a model's variables during training.

    The first four fields, which are the state that Keras's own steps see, are in the order of its stateless functions.
    Arrays in it may be donated to the running program: while a loop owns the state, nobody else reads it, and `put`
    gives it back.
    """

    trainable: list[Any]
    non_trainable: list[Any]
    optimizer: list[Any]
    metrics: list[Any]
    further: list[Any]
    bad_step: Any  # int32, (): the first step since the state was taken whose loss was not finite; -1 if none

    @property
    def parts(self) -> tuple[list[Any], ...]:
        """The values in the order of the roles."""
        return self[:5]

    @classmethod
    def take(cls, roles: Roles) -> TrainState:
        """The present values of the variables."""
        return cls(*([v.stored_value() for v in part] for part in roles), bad_step=np.int32(-1))

    @classmethod
    def take_weights(cls, roles: Roles) -> TrainState:
        """The present values of what `predict` needs: every array that is passed along costs a microsecond."""
        trainable, non_trainable = ([v.stored_value() for v in part] for part in roles[:2])
        return cls(trainable, non_trainable, [], [], [], None)

    def laid_out(self, roles: Roles) -> TrainState:
        """The same, inside a program, each array as its variable lies on the devices of a distribution."""
        parts = [
            [
                v if r.layout is None else jax.lax.with_sharding_constraint(v, r.layout)
                for v, r in zip(*part, strict=True)
            ]
            for part in zip(self.parts, roles, strict=True)
        ]
        return TrainState(*parts, bad_step=self.bad_step)

    def put(self, roles: Roles) -> None:
        """Give the values back to the variables."""
        for part, values in zip(roles, self.parts, strict=True):
            _store(part, values)


def _store(variables: Sequence[Variable], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.store(value)
