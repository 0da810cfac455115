"""`keras.optimizers.legacy`: the optimizers of Keras 2, which Keras 3 names only to say that they are gone."""

from __future__ import annotations

from typing import Any

__all__ = ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"]


class Optimizer:
    """An optimizer of Keras 2; making one raises ImportError, as in Keras 3."""

    def __init__(self, *args: Any, **kwargs: Any):
        name = type(self).__name__
        raise ImportError(f"optimizers.legacy.{name} is an optimizer of Keras 2. Use optimizers.{name}.")


class Adagrad(Optimizer):
    """Replaced by `ranvier.optimizers.Adagrad`."""


class Adam(Optimizer):
    """Replaced by `ranvier.optimizers.Adam`."""


class Ftrl(Optimizer):
    """Replaced by `ranvier.optimizers.Ftrl`."""


class RMSprop(Optimizer):
    """Replaced by `ranvier.optimizers.RMSprop`."""


class SGD(Optimizer):
    """Replaced by `ranvier.optimizers.SGD`."""
