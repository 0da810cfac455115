"""Losses that ask for a margin between right and wrong."""

from __future__ import annotations

from typing import Any

from ..ops import errors_of_prediction as f
from .base import FunctionLoss

__all__ = ["CategoricalHinge", "Circle", "Hinge", "SquaredHinge"]

_MEAN = "sum_over_batch_size"


class Hinge(FunctionLoss):
    """mean(max(1 − y ŷ, 0)), for targets −1 and 1 (or 0 and 1)."""

    function = staticmethod(f.hinge)

    def __init__(self, reduction: str | None = _MEAN, name: str = "hinge", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class SquaredHinge(FunctionLoss):
    """mean(max(1 − y ŷ, 0)²)."""

    function = staticmethod(f.squared_hinge)

    def __init__(self, reduction: str | None = _MEAN, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class CategoricalHinge(FunctionLoss):
    """max(1 + best wrong score − right score, 0)."""

    function = staticmethod(f.categorical_hinge)

    def __init__(self, reduction: str | None = _MEAN, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class Circle(FunctionLoss):
    """Pulls embeddings of one class together and pushes others apart: Sun et al., 2020, *Circle Loss*.

    Predictions are embeddings of length 1, targets integer labels.

    Args:
        gamma: the scale.
        margin: how relaxed the goal is; similarities of a class should exceed 1 − margin, others stay below it.
        remove_diagonal: do not compare an embedding with itself.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.circle)
    integer_targets = True
    options = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = _MEAN,
        name: str = "circle",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal
