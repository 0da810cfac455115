"""The errors of prediction as metrics: the same functions that losses minimise, averaged over an epoch."""

from __future__ import annotations

from typing import Any

from ..ops import errors_of_prediction as f
from .means import MeanMetricWrapper

__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity", "Hinge", "KLDivergence",
    "LogCoshError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge",
]  # fmt: skip


class MeanSquaredError(MeanMetricWrapper):
    """mean((y − ŷ)²).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(f.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """mean(|y − ŷ|).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(f.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """100 · mean(|y − ŷ| / |y|).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(f.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """mean((log(y + 1) − log(ŷ + 1))²).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(f.mean_squared_logarithmic_error, name, dtype)


class Hinge(MeanMetricWrapper):
    """mean(max(1 − y ŷ, 0)).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "hinge", dtype: Any = None):
        super().__init__(f.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """mean(max(1 − y ŷ, 0)²).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(f.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """max(1 + best wrong score − right score, 0).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(f.categorical_hinge, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """Σ y log(y / ŷ).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(f.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """mean(ŷ − y log ŷ).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "poisson", dtype: Any = None):
        super().__init__(f.poisson, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """mean(log(cosh(ŷ − y))).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
    """

    def __init__(self, name: str = "logcosh", dtype: Any = None):
        super().__init__(f.log_cosh, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The cosine of the angle between target and prediction.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
        axis: the vectors' axis.
    """

    config_if_changed = frozenset({"axis"})

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(f.cosine, name, dtype, axis=axis)
        self.axis = axis


class BinaryCrossentropy(MeanMetricWrapper):
    """−y log ŷ − (1 − y) log(1 − ŷ).

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards ½.
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(f.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(MeanMetricWrapper):
    """−Σ y log ŷ, for one-hot targets.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards even.
        axis: the axis of the classes.
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            f.categorical_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """−log of the probability of the class that the label names.

    Args:
        name: the metric's name.
        dtype: the dtype of the result.
        from_logits: whether predictions are logits.
        ignore_class: a label that costs nothing; as in Keras, with sample weights it does not count at all.
        axis: the axis of the classes.
    """

    integer_targets = True

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            f.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
