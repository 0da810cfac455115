"""Every loss as a class: its function with its options, and how the values are reduced."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentError
from ..ops import errors_of_prediction as f
from .base import Loss

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "CategoricalHinge", "CosineSimilarity", "Dice", "Hinge", "Huber",
    "KLDivergence", "LogCosh", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge", "Tversky",
]  # fmt: skip

_MEAN = "sum_over_batch_size"


class MeanSquaredError(Loss):
    """mean((y − ŷ)²).

    >>> float(MeanSquaredError()([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]))
    0.5
    """

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(Loss):
    """mean(|y − ŷ|)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.mean_absolute_error(y_true, y_pred)


class MeanAbsolutePercentageError(Loss):
    """100 · mean(|y − ŷ| / |y|)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(Loss):
    """mean((log(y + 1) − log(ŷ + 1))²)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.mean_squared_logarithmic_error(y_true, y_pred)


class Poisson(Loss):
    """mean(ŷ − y log ŷ)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "poisson", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.poisson(y_true, y_pred)


class KLDivergence(Loss):
    """Σ y log(y / ŷ): Kullback & Leibler, 1951."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.kl_divergence(y_true, y_pred)


class LogCosh(Loss):
    """mean(log(cosh(ŷ − y)))."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "log_cosh", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.log_cosh(y_true, y_pred)


class Hinge(Loss):
    """mean(max(1 − y ŷ, 0)), for targets −1 and 1 (or 0 and 1)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "hinge", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.hinge(y_true, y_pred)


class SquaredHinge(Loss):
    """mean(max(1 − y ŷ, 0)²)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.squared_hinge(y_true, y_pred)


class CategoricalHinge(Loss):
    """max(1 + best wrong score − right score, 0)."""

    def __init__(self, reduction: str | None = _MEAN, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.categorical_hinge(y_true, y_pred)


class CosineSimilarity(Loss):
    """−Σ of the products of the normalised vectors: −1 where they point the same way.

    Args:
        axis: the vectors' axis.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return -f.cosine_similarity(y_true, y_pred, axis=self.axis)


class Huber(Loss):
    """Half the square up to `delta`, then straight: Huber, 1964.

    Args:
        delta: where the straight part begins.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = _MEAN,
        name: str = "huber",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.huber(y_true, y_pred, delta=self.delta)


class BinaryCrossentropy(Loss):
    """−y log ŷ − (1 − y) log(1 − ŷ), for targets from 0 to 1.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: how far targets are moved towards ½.
        axis: the axis that is averaged.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.binary_crossentropy(
            y_true, y_pred, from_logits=self.from_logits, label_smoothing=self.label_smoothing, axis=self.axis
        )


class BinaryFocalCrossentropy(Loss):
    """Cross-entropy that easy examples lose by: Lin et al., 2017.

    Args:
        apply_class_balancing: weigh the classes by `alpha`.
        alpha: the weight of class 1.
        gamma: the power of 1 − p.
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards ½.
        axis: the axis that is averaged.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.binary_focal_crossentropy(
            y_true,
            y_pred,
            apply_class_balancing=self.apply_class_balancing,
            alpha=self.alpha,
            gamma=self.gamma,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
            axis=self.axis,
        )


class CategoricalCrossentropy(Loss):
    """−Σ y log ŷ, for one-hot targets.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: how far targets are moved towards even.
        axis: the axis of the classes.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.categorical_crossentropy(
            y_true, y_pred, from_logits=self.from_logits, label_smoothing=self.label_smoothing, axis=self.axis
        )


class CategoricalFocalCrossentropy(Loss):
    """Categorical cross-entropy that easy examples lose by: Lin et al., 2017.

    Args:
        alpha: weight of the classes.
        gamma: the power of 1 − p.
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards even.
        axis: the axis of the classes.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.categorical_focal_crossentropy(
            y_true,
            y_pred,
            alpha=self.alpha,
            gamma=self.gamma,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
            axis=self.axis,
        )


class SparseCategoricalCrossentropy(Loss):
    """−log of the probability of the class that an integer label names.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: a label that costs nothing, such as a void class.
        axis: the axis of the classes.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = _MEAN,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=self.from_logits, ignore_class=self.ignore_class, axis=self.axis
        )


class Dice(Loss):
    """1 − 2 |A ∩ B| / (|A| + |B|): Dice, 1945.

    Args:
        axis: the axes of a set; None: all.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = _MEAN,
        name: str = "dice",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.dice(y_true, y_pred, axis=self.axis)


class Tversky(Loss):
    """1 − TP / (TP + α FP + β FN): Salehi et al., 2017.

    Args:
        alpha: weight of false positives.
        beta: weight of false negatives.
        axis: the axes of a set; None: all.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = _MEAN,
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.tversky(y_true, y_pred, alpha=self.alpha, beta=self.beta, axis=self.axis)


class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 − ŷ^q) / q of the labelled class: Zhang & Sabuncu, 2018.

    Args:
        q: 0 to 1: from cross-entropy to absolute error.
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = _MEAN,
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        if not 0 < q < 1:
            raise ArgumentError(f"q must lie between 0 and 1. Received: q={q!r}")
        super().__init__(name, reduction, dtype)
        self.q = q

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values per sample."""
        return f.categorical_generalized_cross_entropy(y_true, y_pred, q=self.q)
