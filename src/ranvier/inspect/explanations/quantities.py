"""`Quantity`: an array with a name, a symbol and a meaning, and explanations as plain data."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

__all__ = ["Quantity", "as_json", "numpy_of"]


def numpy_of(value: Any) -> np.ndarray:
    """`value` as a NumPy array of its own; floats narrower than 32 bits become float32, which NumPy can print."""
    array = np.array(value)
    if array.dtype.kind == "V" or array.dtype in (np.dtype("float16"),) or "float8" in array.dtype.name:
        return array.astype("float32")
    return array


@dataclasses.dataclass
class Quantity:
    """An array that the explanation shows.

    Attributes:
        name: such as ``"sum"`` or ``"forget gate"``.
        symbol: such as ``"z"`` or ``"f"``.
        meaning: a sentence on what it is.
        value: the numbers, of the one sample that is explained.
        gradient: ∂L/∂value, of the same shape; None where nothing is differentiated.
        axes: a name for each axis; "" where nothing is known.
        dtype: the dtype in which the model computed it.
    """

    name: str
    symbol: str
    meaning: str
    value: np.ndarray
    gradient: np.ndarray | None = None
    axes: tuple[str, ...] = ()
    dtype: str = ""

    def __post_init__(self) -> None:
        names = ("",) * (self.value.ndim - len(self.axes)) + tuple(self.axes)
        self.axes = names[len(names) - self.value.ndim :]
        self.dtype = self.dtype or self.value.dtype.name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape

    def to_dict(self) -> dict[str, Any]:
        """The quantity as plain data."""
        return {
            "name": self.name, "symbol": self.symbol, "meaning": self.meaning, "axes": list(self.axes),
            "shape": list(self.shape), "dtype": self.dtype, "value": self.value, "gradient": self.gradient,
        }  # fmt: skip


def as_json(data: Any) -> Any:
    """Plain data that JSON can hold: arrays as nested lists, NaN and infinities as words.

    >>> import numpy as np
    >>> as_json({"a": np.array([1.0, np.nan]), "b": (True, None)})
    {'a': [1.0, 'NaN'], 'b': [True, None]}
    """
    if isinstance(data, dict):
        return {str(key): as_json(value) for key, value in data.items()}
    if isinstance(data, np.ndarray):
        if data.dtype.kind in "biu" or (data.dtype.kind == "f" and np.isfinite(data).all()):
            return data.tolist()
        return as_json(data.tolist())
    if isinstance(data, (list, tuple)):
        return [as_json(value) for value in data]
    if isinstance(data, np.generic):
        return as_json(data.item())
    if isinstance(data, float) and not math.isfinite(data):
        return "NaN" if math.isnan(data) else "Infinity" if data > 0 else "-Infinity"
    if isinstance(data, complex):
        return [as_json(data.real), as_json(data.imag)]
    return data.decode(errors="replace") if isinstance(data, bytes) else data
