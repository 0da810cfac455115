"""Pooling to a given size: the windows follow from the sizes of input and output.

Of n places, output i of m covers those from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉. Where all windows turn out alike and evenly
spaced, they are those of ordinary pooling.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.settings import standardize_data_format
from .pooling import average_pool, max_pool
from .symbolic import op
from .tensors import as_array

__all__ = ["adaptive_average_pool", "adaptive_max_pool"]


@op
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The means of as many windows as asked for.

    Args:
        inputs: (batch, *sizes, channels), or channels first; 1 to 3 sizes.
        output_size: the output's sizes: an int for all axes, or one for each.
        data_format: where the channels are.

    Raises:
        ShapeError: inputs without 1 to 3 spatial axes.
        ArgumentError: an output size that is not one of positive integers for each axis.

    >>> adaptive_average_pool([[[0.0], [1.0], [2.0], [3.0], [4.0]]], 2).tolist()
    [[[1.0], [3.0]]]
    """
    x, windows, first = _prepare(inputs, output_size, data_format)
    if all(w.even for w in windows):
        y = average_pool(x, *_ordinary(windows), data_format="channels_last")
    else:
        y = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # long sums stall in half precision
        for axis, window in enumerate(windows, start=1):
            y = jnp.moveaxis(jnp.tensordot(y, jnp.asarray(window.averages(), y.dtype), (axis, 0)), -1, axis)
        y = y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y
    return jnp.moveaxis(y, -1, 1) if first else y


@op
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest of each of as many windows as asked for; in a tie the first one gets the gradient.

    Args:
        inputs: (batch, *sizes, channels), or channels first; 1 to 3 sizes.
        output_size: the output's sizes: an int for all axes, or one for each.
        data_format: where the channels are.

    Raises:
        ShapeError: inputs without 1 to 3 spatial axes.
        ArgumentError: an output size that is not one of positive integers for each axis.

    >>> adaptive_max_pool([[[0.0], [1.0], [2.0], [3.0], [4.0]]], 2).tolist()
    [[[2.0], [4.0]]]
    """
    x, windows, first = _prepare(inputs, output_size, data_format)
    if all(w.even for w in windows):
        y = max_pool(x, *_ordinary(windows), data_format="channels_last")
    else:
        y = x
        for axis in range(len(windows), 0, -1):  # from the last axis, so that ties fall to the first in row order
            y = _max_along(y, axis, windows[axis - 1].places())
    return jnp.moveaxis(y, -1, 1) if first else y


class _Windows(NamedTuple):
    """The windows along one axis."""

    size: int
    starts: np.ndarray
    lengths: np.ndarray

    @property
    def even(self) -> bool:
        """Whether all are alike and evenly spaced."""
        return len(set(self.lengths.tolist())) == 1 and len(set(np.diff(self.starts).tolist())) <= 1

    @property
    def stride(self) -> int:
        """The distance of even windows."""
        return int(self.starts[1]) if len(self.starts) > 1 else self.size

    def averages(self) -> np.ndarray:
        """The matrix, (size, windows), that averages each."""
        place = np.arange(self.size)[:, None]
        return ((place >= self.starts) & (place < self.starts + self.lengths)) / self.lengths

    def places(self) -> np.ndarray:
        """Where each looks, (windows, the longest's length): the shorter ones twice at their last place."""
        steps = np.arange(self.lengths.max())
        return self.starts[:, None] + np.minimum(steps, self.lengths[:, None] - 1)


def _prepare(inputs: Any, output_size: Any, data_format: str | None) -> tuple[Any, list[_Windows], bool]:
    x = as_array(inputs)
    first = standardize_data_format(data_format) == "channels_first"
    x = jnp.moveaxis(x, 1, -1) if first else x
    rank = x.ndim - 2
    if not 1 <= rank <= 3:
        raise ShapeError(f"Adaptive pooling takes inputs with 1 to 3 spatial axes. Received: shape {x.shape}")
    sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    if len(sizes) != rank or any(isinstance(m, bool) or not isinstance(m, (int, np.integer)) or m < 1 for m in sizes):
        raise ArgumentError(
            f"output_size must be a positive integer, or one for each of the {rank} spatial axes. "
            f"Received: output_size={output_size!r}, inputs of shape {x.shape}"
        )
    windows = []
    for n, m in zip(x.shape[1:-1], sizes, strict=True):
        index = np.arange(m)
        starts, ends = index * n // m, -(-(index + 1) * n // m)
        windows.append(_Windows(n, starts, ends - starts))
    return x, windows, first


def _ordinary(windows: list[_Windows]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Window sizes and strides of ordinary pooling."""
    return tuple(int(w.lengths[0]) for w in windows), tuple(max(w.stride, 1) for w in windows)


def _max_along(x: Any, axis: int, places: np.ndarray) -> Any:
    """The largest of what each row of `places` meets along `axis`."""
    met = jnp.take(x, places, axis=axis)  # (..., windows, length, ...)
    which = jnp.argmax(met, axis=axis + 1, keepdims=True)
    return jnp.squeeze(jnp.take_along_axis(met, which, axis=axis + 1), axis + 1)
