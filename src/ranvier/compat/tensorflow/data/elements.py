"""Elements of datasets: NumPy arrays in tuples and dicts on the way, tensors where a program looks at them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ....core.settings import floatx
from ....core.variables import Variable
from ..shapes import TensorSpec
from ..tensors import array_of

__all__ = ["as_stored", "as_tensors", "is_numbers", "leaves_of", "mapped", "spec_of"]


def mapped(function: Any, element: Any) -> Any:
    """The same structure with `function` applied to each leaf; lists are leaves, as in ``tf.data``."""
    if isinstance(element, tuple):
        parts = [mapped(function, part) for part in element]
        return type(element)(*parts) if hasattr(element, "_fields") else tuple(parts)
    if isinstance(element, dict):
        return {key: mapped(function, value) for key, value in element.items()}
    return element if element is None else function(element)


def leaves_of(element: Any) -> list[Any]:
    """The leaves of an element, in order."""
    found: list[Any] = []
    mapped(found.append, element)
    return found


def _leaf(value: Any) -> Any:
    from ....data import Dataset

    if isinstance(value, (Dataset, str, bytes)):
        return value
    if isinstance(value, list) and any(isinstance(v, (jax.Array, Variable)) for v in value):
        value = array_of(value)
    if not isinstance(value, list) and hasattr(value, "to_tensor") and not hasattr(value, "dtype"):
        value = value.to_tensor()
    array = np.asarray(value.value if isinstance(value, Variable) else value)
    if array.dtype.kind in "US":
        return array.astype(object)
    if not jax.config.read("jax_enable_x64"):
        if array.dtype == np.float64:
            return array.astype(floatx())
        if array.dtype in (np.int64, np.uint64):
            return (
                np.asarray(array_of(array))
                if array.size and np.abs(array).max() > 2**31 - 1
                else array.astype(np.int32)
            )
    return array


def as_stored(element: Any) -> Any:
    """An element as it is handed on: NumPy arrays of the engine's dtypes."""
    return mapped(_leaf, element)


def as_tensors(element: Any) -> Any:
    """An element as programs see it: tensors; text, and datasets, as they are."""
    return mapped(lambda leaf: array_of(leaf) if is_numbers(leaf) else leaf, element)


def is_numbers(leaf: Any) -> bool:
    """Whether a leaf is an array of numbers."""
    return isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype.kind not in "OUS"


def spec_of(element: Any, unknown_first: bool = False) -> Any:
    """What the leaves of an element are like; `unknown_first`: batches, of which the last may be smaller."""

    def spec(leaf: Any) -> Any:
        array = np.asarray(leaf) if isinstance(leaf, (str, bytes)) else leaf
        if not hasattr(array, "dtype"):
            return array
        shape = list(array.shape)
        if unknown_first and shape:
            shape[0] = None
        return TensorSpec(shape, "string" if array.dtype.kind in "OUS" else array.dtype)

    return mapped(spec, element)
