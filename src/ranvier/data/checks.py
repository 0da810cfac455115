"""Checks of data before anything runs: sample counts, weights' shapes, NaN and infinity."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning
from ..core.tracebacks import outside
from .lazy import Rows

__all__ = [
    "check_sample_count",
    "check_sample_weight",
    "first_bad_row",
    "named_leaves",
    "positive_integer",
    "warn_nonfinite",
]


def positive_integer(value: Any, name: str) -> int:
    """`value` as an int of at least 1.

    Raises:
        ArgumentTypeError: no integer.
        ArgumentError: an integer below 1.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"{name} must be a positive integer. Received: {name}={value!r}")
    if value < 1:
        raise ArgumentError(f"{name} must be at least 1. Received: {name}={value!r}")
    return int(value)


def named_leaves(arrays: tuple[Any, ...], names: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Every array of (x, y, sample_weight) with its name, such as ``"x['image']"``."""
    found = []
    for tree, name in zip(arrays, names, strict=False):
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
            found.append((name + jax.tree_util.keystr(path), leaf))
    return found


def check_sample_count(arrays: tuple[Any, ...], names: tuple[str, ...]) -> int:
    """The number of samples, the same in every array of (x, y, sample_weight) and not 0.

    Raises:
        DataError: counts that differ, or no samples.
    """
    counts = {leaf.shape[0] for leaf in jax.tree.leaves(arrays)}
    if not counts:
        raise DataError(f"{names[0]} holds no array.")
    if len(counts) == 1 and 0 not in counts:
        return counts.pop()
    leaves = named_leaves(arrays, names)
    if len(counts) > 1:
        listed = ", ".join(f"{which} has {leaf.shape[0]}" for which, leaf in leaves[:12])
        if len(leaves) > 12:
            listed += f", and {len(leaves) - 12} more arrays"
        advice = " A list of arrays is several inputs; if it holds one array a sample, pass np.stack of it."
        raise DataError(
            f"All arrays must have the same number of samples (their first axis). Received: {listed}."
            + (advice if any(which.endswith("]") for which, _ in leaves) else "")
        )
    which, leaf = leaves[0]
    raise DataError(f"{which} is empty: there are 0 samples in an array of shape {tuple(leaf.shape)}.")


def check_sample_weight(y: Any, sample_weight: Any, name: str) -> None:
    """Refuse weights whose shape cannot belong to the targets: (samples,) or the first axes of `y`, sizes alike.

    Raises:
        DataError: a weight of another shape.
    """
    targets, weights = jax.tree.leaves(y), jax.tree.leaves(sample_weight)
    if len(targets) != len(weights):
        return  # one weight for all outputs, or none for some: which, the losses say
    for target, weight in zip(targets, weights, strict=True):
        allowed = target.shape + (1,) * len(weight.shape)
        if any(w not in (1, t) for w, t in zip(weight.shape[1:], allowed[1:], strict=False)):
            raise DataError(
                f"{name} must have one number a sample, shape ({target.shape[0]},), or one for each entry of the "
                "target's first "
                f"axes, which has shape {tuple(target.shape)}. Received: {name} of shape {tuple(weight.shape)}"
            )


def first_bad_row(array: Any) -> int | None:
    """The first row of `array` with a NaN or an infinity, or None.

    Numbers are added up, which reads them once at the speed of memory: only where one is not finite, or where they are very
    large, the sum is not, and a closer look follows. No product would be faster, and BLAS's threads would go on to wait
    actively for the next one on the cores that train.
    """
    if isinstance(array, Rows) or not jnp.issubdtype(array.dtype, np.floating) or array.size == 0:
        return None
    away = isinstance(array, jax.Array) and any(device.platform != "cpu" for device in array.devices())
    if away and bool(jnp.isfinite(array).all()):  # on the accelerator, rather than fetched from it
        return None
    array = np.asarray(array)
    rows = len(array)
    step = max(1, rows * (1 << 20) // array.size)
    with np.errstate(all="ignore"):
        for start in range(0, rows, step):
            block = array[start : start + step]
            if np.isfinite(block.sum()):
                continue
            finite = np.isfinite(block).reshape(len(block), -1).all(axis=1)
            if not finite.all():
                return start + int(np.flatnonzero(~finite)[0])
    return None


def warn_nonfinite(
    arrays: tuple[Any, ...], names: tuple[str, ...], where: str = "", number: Callable[[int], int] = int
) -> bool:
    """Warn of the first NaN or infinity in each array of (x, y, sample_weight); returns whether there was one.

    Args:
        arrays: the arrays.
        names: what messages call them.
        where: what messages say after the row.
        number: the number that a row has in messages.
    """
    rows = [first_bad_row(leaf) for leaf in jax.tree.leaves(arrays)]
    if all(row is None for row in rows):
        return False
    for row, (name, leaf) in zip(rows, named_leaves(arrays, names), strict=True):
        if row is None:
            continue
        entry = np.asarray(leaf[row]).reshape(-1)
        value = entry[~np.isfinite(entry)][0]
        warnings.warn(
            f"{name} holds {'NaN' if np.isnan(value) else value} in row {number(row)}{where}. One such number makes the loss "
            "and then "
            "every weight NaN. Drop those rows or replace the values, for example with np.nan_to_num.",
            DataWarning,
            stacklevel=outside(),
        )
    return True
