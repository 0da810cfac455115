"""Pooling layers: the largest or the mean of windows, or of whole feature maps."""

from __future__ import annotations

from typing import Any

from ..core.errors import ArgumentError, ShapeError
from ..core.settings import standardize_data_format
from ..ops.meaning.pooling import global_average_pool, global_max_pool
from ..ops.pooling import average_pool, max_pool
from .base import Layer
from .checks import per_axis
from .input_spec import InputSpec

__all__ = [
    "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "MaxPooling1D",
    "MaxPooling2D", "MaxPooling3D",
]  # fmt: skip


class _Pooling(Layer):
    """Base of pooling over windows."""

    built = True  # nothing to build

    rank = 2
    _pool = staticmethod(max_pool)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        name = kwargs.pop("name", None)
        super().__init__(name=name, **kwargs)
        kind = type(self).__name__
        self.pool_size = per_axis(kind, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else per_axis(kind, "strides", strides, self.rank)
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise ArgumentError(f"{kind}: padding must be 'valid' or 'same'. Received: padding={padding!r}")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        """The pooled inputs."""
        try:
            return self._pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)
        except ShapeError as error:
            raise ShapeError(f"Layer '{self.name}': {error}") from None


class _GlobalPooling(Layer):
    """Base of pooling over whole feature maps."""

    built = True  # nothing to build

    rank = 2

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = bool(keepdims)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self.rank))


class MaxPooling1D(_Pooling):
    """The largest of what each window meets, in sequences (batch, time, channels).

    Args:
        pool_size: the window's size.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
    """

    rank = 1
    _pool = staticmethod(max_pool)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class MaxPooling2D(_Pooling):
    """The largest of what each window meets, in images (batch, height, width, channels).

    Args:
        pool_size: the window's size.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
    """

    rank = 2
    _pool = staticmethod(max_pool)

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class MaxPooling3D(_Pooling):
    """The largest of what each window meets, in volumes (batch, depth, height, width, channels).

    Args:
        pool_size: the window's size.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
    """

    rank = 3
    _pool = staticmethod(max_pool)

    def __init__(
        self,
        pool_size: Any = (2, 2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class AveragePooling1D(_Pooling):
    """The mean of what each window meets, in sequences (batch, time, channels).

    Args:
        pool_size: the window's size.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
    """

    rank = 1
    _pool = staticmethod(average_pool)

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class AveragePooling2D(_Pooling):
    """The mean of what each window meets, in images (batch, height, width, channels).

    Args:
        pool_size: the window's size.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
    """

    rank = 2
    _pool = staticmethod(average_pool)

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class AveragePooling3D(_Pooling):
    """The mean of what each window meets, in volumes (batch, depth, height, width, channels).

    Args:
        pool_size: the window's size.
        strides: how far it moves; None: by its size.
        padding: ``"valid"`` or ``"same"``.
        data_format: where the channels are.
    """

    rank = 3
    _pool = staticmethod(average_pool)

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest of each channel of sequences, (batch, time, channels).

    Args:
        data_format: where the channels are.
        keepdims: keep the pooled axes with size 1.
    """

    rank = 1

    def call(self, inputs: Any) -> Any:
        """One number for each channel."""
        return global_max_pool(inputs, self.data_format, self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest of each channel of images, (batch, height, width, channels).

    Args:
        data_format: where the channels are.
        keepdims: keep the pooled axes with size 1.
    """

    rank = 2

    def call(self, inputs: Any) -> Any:
        """One number for each channel."""
        return global_max_pool(inputs, self.data_format, self.keepdims)


class GlobalMaxPooling3D(_GlobalPooling):
    """The largest of each channel of volumes, (batch, depth, height, width, channels).

    Args:
        data_format: where the channels are.
        keepdims: keep the pooled axes with size 1.
    """

    rank = 3

    def call(self, inputs: Any) -> Any:
        """One number for each channel."""
        return global_max_pool(inputs, self.data_format, self.keepdims)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of each channel over time, of what the mask keeps.

    Args:
        data_format: where the channels are.
        keepdims: keep the pooled axes with size 1.
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The means."""
        return global_average_pool(inputs, mask, self.data_format, self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: time is gone."""
        return None


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel of images, (batch, height, width, channels).

    Args:
        data_format: where the channels are.
        keepdims: keep the pooled axes with size 1.
    """

    rank = 2

    def call(self, inputs: Any) -> Any:
        """One number for each channel."""
        return global_average_pool(inputs, None, self.data_format, self.keepdims)


class GlobalAveragePooling3D(_GlobalPooling):
    """The mean of each channel of volumes, (batch, depth, height, width, channels).

    Args:
        data_format: where the channels are.
        keepdims: keep the pooled axes with size 1.
    """

    rank = 3

    def call(self, inputs: Any) -> Any:
        """One number for each channel."""
        return global_average_pool(inputs, None, self.data_format, self.keepdims)
