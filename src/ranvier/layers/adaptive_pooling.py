"""Pooling layers whose output size is given: the windows adapt to the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..core.budgets import charge_objects
from ..core.settings import standardize_data_format
from ..ops.adaptive_pooling import adaptive_average_pool, adaptive_max_pool
from .base import Layer
from .checks import per_axis
from .input_spec import InputSpec

__all__ = [
    "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D",
]  # fmt: skip


class _AdaptivePooling(Layer):
    """Base: output i of m covers the input's places from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉ of n.

    Args:
        output_size: the output's spatial sizes, an int for all axes or one for each.
        data_format: where the channels are.
    """

    rank: ClassVar[int]
    pool: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.output_size = per_axis(type(self).__name__, "output_size", output_size, self.rank)
        charge_objects(f"{type(self).__name__}: output_size={self.output_size}", sum(self.output_size))
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        """The pooled inputs."""
        return type(self).pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """Means over sequences, to a given length.   (batch, time, channels) → (batch, output_size, channels)

    Args:
        output_size: the output's length.
        data_format: where the channels are.

    >>> import numpy as np
    >>> AdaptiveAveragePooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).ravel().tolist()
    [1.0, 3.0]
    """

    rank = 1
    pool = staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """Means over images, to a given size.   (batch, height, width, channels) → (batch, *output_size, channels)

    Args:
        output_size: the output's height and width, or one int for both.
        data_format: where the channels are.
    """

    rank = 2
    pool = staticmethod(adaptive_average_pool)


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """Means over volumes, to a given size.

    Args:
        output_size: the output's three sizes, or one int for all.
        data_format: where the channels are.
    """

    rank = 3
    pool = staticmethod(adaptive_average_pool)


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """Maxima over sequences, to a given length.   (batch, time, channels) → (batch, output_size, channels)

    Args:
        output_size: the output's length.
        data_format: where the channels are.
    """

    rank = 1
    pool = staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """Maxima over images, to a given size.   (batch, height, width, channels) → (batch, *output_size, channels)

    Args:
        output_size: the output's height and width, or one int for both.
        data_format: where the channels are.
    """

    rank = 2
    pool = staticmethod(adaptive_max_pool)


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """Maxima over volumes, to a given size.

    Args:
        output_size: the output's three sizes, or one int for all.
        data_format: where the channels are.
    """

    rank = 3
    pool = staticmethod(adaptive_max_pool)
