"""Losses for numbers, counts and directions."""

from __future__ import annotations

from typing import Any

from ..ops import errors_of_prediction as f
from .base import FunctionLoss

__all__ = [
    "CosineSimilarity",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
]

_MEAN = "sum_over_batch_size"


class MeanSquaredError(FunctionLoss):
    """mean((y − ŷ)²).

    >>> float(MeanSquaredError()([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]))
    0.5
    """

    function = staticmethod(f.mean_squared_error)

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class MeanAbsoluteError(FunctionLoss):
    """mean(|y − ŷ|)."""

    function = staticmethod(f.mean_absolute_error)

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class MeanAbsolutePercentageError(FunctionLoss):
    """100 · mean(|y − ŷ| / |y|)."""

    function = staticmethod(f.mean_absolute_percentage_error)

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class MeanSquaredLogarithmicError(FunctionLoss):
    """mean((log(y + 1) − log(ŷ + 1))²)."""

    function = staticmethod(f.mean_squared_logarithmic_error)

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class Huber(FunctionLoss):
    """Half the square up to `delta`, then straight: Huber, 1964.

    Args:
        delta: where the straight part begins.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.huber)
    options = ("delta",)
    config_if_changed = frozenset({"delta"})

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = _MEAN,
        name: str = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.delta = delta


class LogCosh(FunctionLoss):
    """mean(log(cosh(ŷ − y)))."""

    function = staticmethod(f.log_cosh)

    def __init__(self, reduction: str | None = _MEAN, name: str = "log_cosh", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class Poisson(FunctionLoss):
    """mean(ŷ − y log ŷ)."""

    function = staticmethod(f.poisson)

    def __init__(self, reduction: str | None = _MEAN, name: str = "poisson", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class CosineSimilarity(FunctionLoss):
    """−Σ of the products of the normalised vectors: −1 where they point the same way.

    Args:
        axis: the vectors' axis.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.cosine_similarity)
    options = ("axis",)
    config_if_changed = frozenset({"axis"})

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.axis = axis
