"""Layers that move elements to other places and compute nothing."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

from ..core.errors import ArgumentError, ArgumentTypeError, ShapeError
from ..core.settings import standardize_data_format
from ..ops.meaning.shaping import flatten, repeat_vector, reshape, transpose
from .base import Layer
from .checks import positive
from .input_spec import InputSpec

__all__ = ["Flatten", "Identity", "Permute", "RepeatVector", "Reshape"]


class Flatten(Layer):
    """All axes but the batch's in one.   (batch, ...) → (batch, features)

    Args:
        data_format: ``"channels_first"`` moves the channels to the end first.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        """The elements of each sample in a row."""
        return flatten(inputs, self.data_format)


class Reshape(Layer):
    """Each sample in another shape.   (batch, ...) → (batch, *target_shape)

    Args:
        target_shape: sizes without the batch axis; one of them may be −1: what is left.
    """

    built = True  # nothing to build

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape) if isinstance(target_shape, (tuple, list)) else (target_shape,)
        if not all(isinstance(s, Integral) for s in target_shape):
            raise ArgumentTypeError(f"Reshape: target_shape must hold integers. Received: target_shape={target_shape}")
        if sum(s == -1 for s in target_shape) > 1 or any(s < -1 for s in target_shape):
            raise ArgumentError(
                f"Reshape: target_shape may hold -1 once, else non-negative sizes. Received: {target_shape}"
            )
        self.target_shape = target_shape

    def call(self, inputs: Any) -> Any:
        """The elements of each sample in `target_shape`."""
        size, known = math.prod(inputs.shape[1:]), math.prod(s for s in self.target_shape if s != -1)
        if (known and size % known) or (-1 not in self.target_shape and known != size):
            raise ShapeError(
                f"Layer '{self.name}': samples of shape {tuple(inputs.shape[1:])} have {size} elements, which do not "
                f"fit target_shape={self.target_shape}."
            )
        return reshape(inputs, self.target_shape)


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: the order, counted from 1: (2, 1) exchanges the two axes of a matrix.
    """

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(f"dims must hold each of 1 to {len(self.dims)} once. Received: dims={dims!r}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        """The axes in the order of `dims`."""
        return transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Each vector `n` times.   (batch, features) → (batch, n, features)

    Args:
        n: how many times.
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = positive("RepeatVector", "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        """The vectors along a new axis."""
        return repeat_vector(inputs, self.n)


class Identity(Layer):
    """The inputs as they are."""

    built = True  # nothing to build

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs
