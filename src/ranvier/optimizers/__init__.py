"""Floor 3: how weights change for their gradients."""

from __future__ import annotations

from typing import Any

from ..core import serialization
from ..core.errors import ArgumentError
from . import legacy, schedules
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam
from .adamax import Adamax
from .adamw import AdamW
from .base import Optimizer
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
from .loss_scale import LossScaleOptimizer
from .multi import MultiOptimizer, OptimizerMap
from .muon import Muon
from .nadam import Nadam
from .optax_adapter import OptaxOptimizer, is_optax
from .rmsprop import RMSprop
from .schedule_free_adamw import ScheduleFreeAdamW
from .sgd import SGD

_CLASSES = (
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, LossScaleOptimizer, MultiOptimizer, Muon,
    Nadam, RMSprop, SGD,
    ScheduleFreeAdamW,
)  # fmt: skip

__all__ = [
    "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer",
    "MultiOptimizer", "Muon", "Nadam", "OptaxOptimizer", "Optimizer", "OptimizerMap", "RMSprop", "ScheduleFreeAdamW",
    "deserialize", "get", "legacy", "schedules", "serialize",
]  # fmt: skip

_TABLE: dict[str, Any] = {cls.__name__.lower(): cls for cls in _CLASSES}


def get(identifier: Any) -> Any:
    """The optimizer for a name (in any case), an object, a class, a config or an optax transformation.

    >>> get("adam").name
    'adam'
    """
    if identifier is None:
        return None
    if is_optax(identifier):
        return OptaxOptimizer(identifier)
    if isinstance(identifier, dict) and isinstance(identifier.get("class_name"), str):
        known = _TABLE.get(identifier["class_name"].lower())
        identifier = {**identifier, "class_name": known.__name__} if known else identifier
    if isinstance(identifier, str):
        identifier = identifier if serialization.get_registered_object(identifier) else identifier.lower()
    elif not isinstance(identifier, (Optimizer, dict, type)):
        raise ArgumentError(
            "optimizer must be a name such as 'adam', an optimizer, its config or an optax transformation. "
            f"Received: {identifier!r} of type {type(identifier).__name__}"
        )
    return serialization.resolve(identifier, Optimizer, _TABLE, "optimizer")


def serialize(optimizer: Any) -> Any:
    """The optimizer in Keras's JSON spelling."""
    return serialization.serialize(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer that `serialize` described."""
    with serialization.custom_object_scope(custom_objects or {}):
        return get(config)
