"""Losses for probabilities: cross-entropies, their focal and robust kin, and the divergence."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentError
from ..ops import errors_of_prediction as f
from .base import FunctionLoss

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "KLDivergence",
    "SparseCategoricalCrossentropy",
]

_MEAN = "sum_over_batch_size"


class KLDivergence(FunctionLoss):
    """Σ y log(y / ŷ): Kullback & Leibler, 1951."""

    function = staticmethod(f.kl_divergence)

    def __init__(self, reduction: str | None = _MEAN, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(name, reduction, dtype)


class BinaryCrossentropy(FunctionLoss):
    """−y log ŷ − (1 − y) log(1 − ŷ), for targets from 0 to 1.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: how far targets are moved towards ½.
        axis: the axis that is averaged.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.binary_crossentropy)
    options = ("from_logits", "label_smoothing", "axis")

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


class BinaryFocalCrossentropy(FunctionLoss):
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

    function = staticmethod(f.binary_focal_crossentropy)
    options = ("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis")

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


class CategoricalCrossentropy(FunctionLoss):
    """−Σ y log ŷ, for one-hot targets.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        label_smoothing: how far targets are moved towards even.
        axis: the axis of the classes.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.categorical_crossentropy)
    options = ("from_logits", "label_smoothing", "axis")

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


class CategoricalFocalCrossentropy(FunctionLoss):
    """Categorical cross-entropy that easy examples lose by: Lin et al., 2017.

    Args:
        alpha: weight of the classes.
        gamma: the power of 1 − p.
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards even.
        axis: the axis of the classes.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.categorical_focal_crossentropy)
    options = ("alpha", "gamma", "from_logits", "label_smoothing", "axis")

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


class SparseCategoricalCrossentropy(FunctionLoss):
    """−log of the probability of the class that an integer label names.

    Args:
        from_logits: whether predictions are logits rather than probabilities.
        ignore_class: a label that costs nothing, such as a void class.
        axis: the axis of the classes.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.sparse_categorical_crossentropy)
    integer_targets = True
    options = ("from_logits", "ignore_class", "axis")
    config_if_changed = frozenset({"axis"})

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


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """(1 − ŷ^q) / q of the labelled class: Zhang & Sabuncu, 2018.

    Args:
        q: 0 to 1: from cross-entropy to absolute error.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.categorical_generalized_cross_entropy)
    integer_targets = True
    options = ("q",)

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
