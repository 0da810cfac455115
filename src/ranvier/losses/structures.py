"""Losses for whole sets and sequences: segmentation maps and aligned labels."""

from __future__ import annotations

from typing import Any

from ..ops import errors_of_prediction as f
from ..ops.ctc import ctc
from .base import FunctionLoss

__all__ = ["CTC", "Dice", "Tversky"]

_MEAN = "sum_over_batch_size"


class Dice(FunctionLoss):
    """1 − 2 |A ∩ B| / (|A| + |B|): Dice, 1945.

    Args:
        axis: the axes of a set; None: all.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.dice)
    options = ("axis",)

    def __init__(
        self,
        reduction: str | None = _MEAN,
        name: str = "dice",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(name, reduction, dtype)
        self.axis = axis


class Tversky(FunctionLoss):
    """1 − TP / (TP + α FP + β FN): Salehi et al., 2017.

    Args:
        alpha: weight of false positives.
        beta: weight of false negatives.
        axis: the axes of a set; None: all.
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(f.tversky)
    options = ("alpha", "beta", "axis")

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


class CTC(FunctionLoss):
    """−log of the probability of a label sequence under all its alignments in time: Graves et al., 2006.

    Targets are labels from 1 on, (batch, labels), padded with 0; predictions are logits, (batch, time, classes), with
    class 0 for "no label here".

    Args:
        reduction, name, dtype: as in `Loss`.
    """

    function = staticmethod(ctc)
    integer_targets = True

    def __init__(self, reduction: str | None = _MEAN, name: str = "ctc", dtype: Any = None):
        super().__init__(name, reduction, dtype)
