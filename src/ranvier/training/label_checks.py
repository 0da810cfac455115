"""Labels that no class has: found once, before they train a model on nonsense."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.errors import DataError, DataWarning
from ..core.tracebacks import outside
from ..losses import BinaryCrossentropy, BinaryFocalCrossentropy, SparseCategoricalCrossentropy
from .objectives import LossSet

__all__ = ["check_labels"]

_SPARSE = (SparseCategoricalCrossentropy, "sparse_categorical_crossentropy")
_BINARY = ((BinaryCrossentropy, BinaryFocalCrossentropy), "binary_crossentropy", "binary_focal_crossentropy")


def check_labels(losses: LossSet | None, y: Any, what: str = "y") -> None:
    """Refuse integer labels that are negative, fractional or too large for the output; warn of binary ones beyond 0 to 1.

    Args:
        losses: the built losses.
        y: the targets of all samples, as given; only NumPy arrays are looked at.
        what: what messages call the targets.

    Raises:
        DataError: naming the row, the label and the classes.
    """
    if y is None or losses is None or not losses.built:
        return
    targets = losses.targets_of_terms(y)
    for term, target in zip(losses.terms, targets, strict=True):
        if not term.shape or not isinstance(target, np.ndarray) or not target.size or target.dtype.kind not in "iufb":
            continue
        function, called = term.function, what if len(losses.terms) == 1 else f"{what} of '{term.name}'"
        if _is(function, *_SPARSE):
            axis = getattr(function, "axis", -1)
            count = term.shape[axis] if -len(term.shape) <= axis < len(term.shape) else None
            if count is not None:
                _check(target, count, getattr(function, "ignore_class", None), called)
        elif _is(function, *_BINARY):
            _check_binary(target, called)


def _is(function: Any, kind: Any, *names: str) -> bool:
    return isinstance(function, kind) or getattr(getattr(function, "fn", None), "__name__", "") in names


def _check_binary(y: np.ndarray, what: str) -> None:
    low, high = y.min(), y.max()
    if low < 0 or high > 1:
        place = tuple(int(i) for i in np.argwhere((y < 0) | (y > 1))[0])
        warnings.warn(
            f"{what}[{', '.join(map(str, place))}] = {y[place]}, but the labels of a binary cross-entropy lie between 0 and 1 "
            f"(here from {low} to {high}): its loss has no minimum for others. For labels of -1 and 1 use hinge, or "
            "(y + 1) / 2; for more than two classes sparse_categorical_crossentropy.",
            DataWarning,
            stacklevel=outside(),
        )


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
