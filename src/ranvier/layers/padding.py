"""Layers that put zeros around their inputs, or cut their edges off."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentError, ShapeError
from ..core.settings import standardize_data_format
from ..ops.meaning.shaping import crop, zero_pad
from .base import Layer
from .input_spec import InputSpec

__all__ = ["Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]


def _pairs(layer: str, name: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """How much before and after each axis: from one number, one for each axis, or a pair for each."""
    if isinstance(value, int):
        pairs = ((value, value),) * rank
    elif not isinstance(value, (tuple, list)):
        pairs = ()
    elif rank == 1:
        pairs = (tuple(value),)
    elif len(value) == rank:
        pairs = tuple((v, v) if not isinstance(v, (tuple, list)) else tuple(v) for v in value)
    else:
        pairs = ()
    if not pairs:
        raise ArgumentError(
            f"{layer}: {name} must be an integer or {rank} of them (or of pairs). Received: {name}={value!r}"
        )
    if any(len(p) != 2 or any(not isinstance(n, int) or n < 0 for n in p) for p in pairs):
        raise ArgumentError(f"{layer}: {name} must hold non-negative integers. Received: {name}={value!r}")
    return pairs  # type: ignore[return-value]


class _Edges(Layer):
    """Base of what changes the edges of the spatial axes."""

    rank = 2

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _first_axis(self) -> int:
        return 2 if self.data_format == "channels_first" else 1


class _ZeroPadding(_Edges):
    padding: Any

    def call(self, inputs: Any) -> Any:
        """The inputs with zeros around them."""
        pairs = (self.padding,) if self.rank == 1 else self.padding
        return zero_pad(inputs, pairs, self._first_axis())


class _Cropping(_Edges):
    cropping: Any

    def call(self, inputs: Any) -> Any:
        """The inputs without their edges."""
        pairs = (self.cropping,) if self.rank == 1 else self.cropping
        for i, (before, after) in enumerate(pairs):
            size = inputs.shape[self._first_axis() + i]
            if before + after >= size:
                raise ShapeError(
                    f"Layer '{self.name}': cropping {(before, after)} leaves nothing of an axis of size {size}."
                )
        return crop(inputs, pairs, self._first_axis())


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after each sequence, (batch, time, channels).

    Args:
        padding: how many on each side, or (before, after).
        data_format: where the channels are.
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = _pairs("ZeroPadding1D", "padding", padding, 1)[0]


class ZeroPadding2D(_ZeroPadding):
    """Zeros around each image.

    Args:
        padding: how many on each side, (height, width), or ((top, bottom), (left, right)).
        data_format: where the channels are.
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = _pairs("ZeroPadding2D", "padding", padding, 2)


class ZeroPadding3D(_ZeroPadding):
    """Zeros around each volume.

    Args:
        padding: how many on each side, one number for each axis, or a pair for each.
        data_format: where the channels are.
    """

    rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = _pairs("ZeroPadding3D", "padding", padding, 3)


class Cropping1D(_Cropping):
    """Sequences, (batch, time, channels), without their ends.

    Args:
        cropping: how much on each side, or (before, after).
    """

    rank = 1
    config_excluded = Layer.config_excluded | {"data_format"}

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__("channels_last", **kwargs)
        self.cropping = _pairs("Cropping1D", "cropping", cropping, 1)[0]


class Cropping2D(_Cropping):
    """Images without their edges.

    Args:
        cropping: how much on each side, (height, width), or ((top, bottom), (left, right)).
        data_format: where the channels are.
    """

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.cropping = _pairs("Cropping2D", "cropping", cropping, 2)


class Cropping3D(_Cropping):
    """Volumes without their edges.

    Args:
        cropping: how much on each side, one number for each axis, or a pair for each.
        data_format: where the channels are.
    """

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.cropping = _pairs("Cropping3D", "cropping", cropping, 3)
