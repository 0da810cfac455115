"""Labels that no class has: found once, before they train a model on nonsense."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import DataError
from ..losses import SparseCategoricalCrossentropy
from .objectives import LossSet

__all__ = ["check_labels"]


def check_labels(losses: LossSet | None, targets: Any, classes: list[int | None], what: str = "y") -> None:
    """Refuse integer labels that are negative, fractional or too large for the output.

    Args:
        losses: the built losses.
        targets: the targets of all samples, one array for each output; only NumPy arrays are looked at.
        classes: the size of the last axis of each output.
        what: what messages call the targets.

    Raises:
        DataError: naming the row, the label and the classes.
    """
    if losses is None or not losses.built:
        return
    for function, y, count in zip(losses.functions, targets, classes, strict=False):
        ignored = getattr(function, "ignore_class", None)
        sparse = isinstance(function, SparseCategoricalCrossentropy)
        sparse = sparse or getattr(getattr(function, "fn", None), "__name__", "") == "sparse_categorical_crossentropy"
        if sparse and count is not None and isinstance(y, np.ndarray) and y.size:
            _check(y, count, ignored, what)


def _check(y: np.ndarray, count: int, ignored: int | None, what: str) -> None:
    low, high = y.min(), y.max()  # two fast passes; what is wrong is looked for only if something is
    whole = y.dtype.kind in "iub" or bool((y == np.floor(y)).all())
    if low >= 0 and high < count and whole:
        return
    bad = (y < 0) | (y >= count) | ((y != np.floor(y)) if not whole else False)
    if ignored is not None:
        bad &= y != ignored
    rows = np.argwhere(bad)
    if len(rows) == 0:
        return
    place = tuple(int(i) for i in rows[0])
    label = y[place]
    if label != np.floor(label):
        problem = "is not a whole number"
    elif label < 0:
        problem = "is negative"
    else:
        problem = f"is too large: the model has {count} outputs, so labels go from 0 to {count - 1}"
    raise DataError(
        f"{what}[{', '.join(map(str, place))}] = {label} {problem} ({len(rows):,} of {y.size:,} labels are wrong). "
        "Sparse categorical cross-entropy takes class numbers; for one-hot targets use categorical_crossentropy."
    )
