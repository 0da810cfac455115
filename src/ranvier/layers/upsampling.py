"""Layers that make maps larger by repeating or interpolating what is there."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentError
from ..core.settings import standardize_data_format
from ..ops.meaning.shaping import upsample
from .base import Layer
from .checks import per_axis, positive
from .input_spec import InputSpec

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]

_METHODS = {"bicubic": "cubic", "bilinear": "linear", "lanczos3": "lanczos3", "lanczos5": "lanczos5", "nearest": None}


class UpSampling1D(Layer):
    """Each time step several times.   (batch, time, channels) → (batch, time · size, channels)

    Args:
        size: how many times.
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = positive("UpSampling1D", "size", size)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        """The repeated steps."""
        return upsample(inputs, (self.size,))


class UpSampling2D(Layer):
    """Larger images, by repeating pixels or interpolating between them.

    Args:
        size: by how much height and width grow.
        data_format: where the channels are.
        interpolation: ``"nearest"`` (repeat), ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.

    >>> import numpy as np
    >>> UpSampling2D((1, 2))(np.arange(4.0).reshape(1, 2, 2, 1))[0, :, :, 0].tolist()
    [[0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0]]
    """

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.size = per_axis("UpSampling2D", "size", size, 2)
        self.data_format = standardize_data_format(data_format)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in _METHODS:
            raise ArgumentError(
                f"UpSampling2D: interpolation must be one of {', '.join(_METHODS)}. Received: "
                f"interpolation={interpolation!r}"
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """The larger images."""
        first = 2 if self.data_format == "channels_first" else 1
        return upsample(inputs, self.size, first, _METHODS[self.interpolation])


class UpSampling3D(Layer):
    """Larger volumes, by repeating voxels.

    Args:
        size: by how much each of the three axes grows.
        data_format: where the channels are.
    """

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = per_axis("UpSampling3D", "size", size, 3)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Any:
        """The larger volumes."""
        return upsample(inputs, self.size, 2 if self.data_format == "channels_first" else 1)
