"""Layers that make one tensor of several."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp

from ..core.errors import ArgumentError, NotDefinedError, ShapeError
from ..core.masks import get_mask
from ..ops.binary import logical_or
from ..ops.meaning import merging as merge
from ..ops.meaning.shaping import reshape
from ..ops.nn_functions import normalize
from .base import Layer
from .checks import axis_or_axes, sizes_of

__all__ = [
    "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract", "add", "average",
    "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip


class _Merge(Layer):
    """Base of merging element by element: inputs broadcast, a missing axis after the batch's counting as size 1."""

    _count: int | None = None
    # Symbolically, as in Keras: what one input does not know of an axis after the batch's, no other tells.
    unknown_stays_unknown = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Check that the shapes fit; there are no weights."""
        if not isinstance(input_shape, (list, tuple)) or not isinstance(input_shape[0], (list, tuple)):
            raise ShapeError(f"Layer '{self.name}' takes a list of tensors. Received: one of shape {input_shape}")
        if len(input_shape) < 1 or (self._count and len(input_shape) != self._count):
            raise ShapeError(f"Layer '{self.name}' takes {self._count or 'some'} tensors. Received: {len(input_shape)}")
        sizes = {s[0] for s in input_shape if s and s[0] is not None}
        if len(sizes) > 1:
            raise ShapeError(
                f"Layer '{self.name}': tensors of different batch sizes cannot be merged. Received: {input_shape}"
            )
        ranks = {len(s) for s in input_shape}
        if len(ranks) == 1:
            for axis in zip(*input_shape, strict=True):
                known = {s for s in axis if s not in (1, None)}
                if len(known) > 1:
                    raise ShapeError(f"Layer '{self.name}': tensors of shapes {input_shape} do not fit together.")

    def call(self, inputs: Any) -> Any:
        """The merged tensors."""
        rank = max(x.ndim for x in inputs)
        kept = [_kept(x, rank) for x in inputs]
        inputs = [_raised(x, rank) for x in inputs]
        return self._merge(inputs if all(k is None for k in kept) else self._without_masked(inputs, kept))

    def _without_masked(self, inputs: list[Any], kept: list[Any]) -> list[Any]:
        """The inputs, with what is masked replaced where that makes a difference."""
        return inputs

    def _merge(self, inputs: list[Any]) -> Any:
        raise NotDefinedError(f"{type(self).__name__} must define _merge(self, inputs).")

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where any of the inputs' masks holds; None where an input has none."""
        if previous_mask is None or any(m is None for m in previous_mask):
            return None
        return functools.reduce(logical_or, previous_mask)


def _kept(x: Any, rank: int) -> Any:
    """Where the mask that `x` carries holds, with axes up to `rank` as `_raised` has them; None without a mask."""
    mask = get_mask(x)
    if mask is None or mask.ndim > x.ndim:
        return None
    return _raised(jnp.asarray(mask, bool).reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim)), rank)


def _raised(x: Any, rank: int) -> Any:
    return reshape(x, (*(1,) * (rank - x.ndim), *x.shape[1:])) if x.ndim < rank else x


class Add(_Merge):
    """The sum of all inputs."""

    def _merge(self, inputs: list[Any]) -> Any:
        return merge.add(inputs)


class Subtract(_Merge):
    """The first input minus the second."""

    _count = 2

    def _merge(self, inputs: list[Any]) -> Any:
        return merge.subtract(inputs)


class Multiply(_Merge):
    """The product of all inputs; masked elements are left out, and where all are masked the product is 0."""

    def _without_masked(self, inputs: list[Any], kept: list[Any]) -> list[Any]:
        first, *rest = [x if k is None else jnp.where(k, x, 1) for x, k in zip(inputs, kept, strict=True)]
        if any(k is None for k in kept):
            return [first, *rest]
        return [jnp.where(functools.reduce(jnp.logical_or, kept), first, 0), *rest]

    def _merge(self, inputs: list[Any]) -> Any:
        return merge.multiply(inputs)


class Average(_Merge):
    """The mean of all inputs."""

    def _merge(self, inputs: list[Any]) -> Any:
        return merge.average(inputs)


class _Extreme(_Merge):
    """Base of the largest and the smallest: what is masked is left out, unless everything is."""

    def _without_masked(self, inputs: list[Any], kept: list[Any]) -> list[Any]:
        # A masked element stands for whichever other comes first that is not.
        total = inputs[0]
        for x, k in reversed(list(zip(inputs, kept, strict=True))):
            total = x if k is None else jnp.where(k, x, total)
        return [x if k is None else jnp.where(k, x, total) for x, k in zip(inputs, kept, strict=True)]


class Maximum(_Extreme):
    """The largest of all inputs; masked elements are left out."""

    def _merge(self, inputs: list[Any]) -> Any:
        return merge.maximum(inputs)


class Minimum(_Extreme):
    """The smallest of all inputs; masked elements are left out."""

    def _merge(self, inputs: list[Any]) -> Any:
        return merge.minimum(inputs)


class Concatenate(_Merge):
    """The inputs one after the other.

    Args:
        axis: along which.
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis_or_axes("Concatenate", axis)

    def build(self, input_shape: Any) -> None:
        """Check that the shapes fit; there are no weights."""
        if not isinstance(input_shape, (list, tuple)) or not isinstance(input_shape[0], (list, tuple)):
            raise ShapeError(f"Layer '{self.name}' takes a list of tensors. Received: one of shape {input_shape}")
        ranks = {len(s) for s in input_shape}
        if len(ranks) > 1:
            raise ShapeError(
                f"Layer '{self.name}': tensors of different ranks cannot be concatenated. Received: {input_shape}"
            )
        rank = ranks.pop()
        sizes_of(self.name, self.axis, input_shape[0])
        for i, sizes in enumerate(zip(*input_shape, strict=True)):
            if i != self.axis % rank and len({s for s in sizes if s is not None}) > 1:
                raise ShapeError(
                    f"Layer '{self.name}' concatenates along axis {self.axis}, so all other sizes must be equal. "
                    f"Received: shapes {input_shape}"
                )

    def call(self, inputs: Any) -> Any:
        """The inputs one after the other."""
        return merge.concatenate(inputs, self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks one after the other; an input without one counts as unmasked."""
        if previous_mask is None or all(m is None for m in previous_mask):
            return None
        axis = self.axis % inputs[0].ndim
        masks = [jnp.ones(x.shape, bool) if m is None else m for x, m in zip(inputs, previous_mask, strict=True)]
        masks = [
            m if m.ndim == x.ndim else jnp.broadcast_to(m[(..., *(None,) * (x.ndim - m.ndim))], x.shape)
            for x, m in zip(inputs, masks, strict=True)
        ]
        joined = jnp.concatenate(masks, axis)
        return jnp.any(joined, axis=-1)


class Dot(_Merge):
    """Products of two inputs, summed over an axis of each.

    Args:
        axes: the axis, or one for each input.
        normalize: bring both to norm 1 first, so that the result is a cosine.
    """

    _count = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, int) and (not isinstance(axes, (list, tuple)) or len(axes) != 2):
            raise ArgumentError(f"Dot: axes must be an integer or two of them. Received: axes={axes!r}")
        self.axes = axes if isinstance(axes, int) else tuple(axes)
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        """Check that the shapes fit; there are no weights."""
        if len(input_shape) != 2:
            raise ShapeError(f"Layer '{self.name}' takes two tensors. Received: {len(input_shape)}")
        first, second = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        sizes_of(self.name, first, input_shape[0], "axes")
        sizes_of(self.name, second, input_shape[1], "axes")
        a, b = self._pair(len(input_shape[0]), len(input_shape[1]))
        if None not in (input_shape[0][a], input_shape[1][b]) and input_shape[0][a] != input_shape[1][b]:
            raise ShapeError(f"Layer '{self.name}': axes {self.axes} of shapes {input_shape} have different sizes.")

    def _pair(self, first: int, second: int) -> tuple[int, int]:
        if isinstance(self.axes, int):
            return self.axes % first, self.axes % second
        return self.axes[0] % first, self.axes[1] % second

    def call(self, inputs: Any) -> Any:
        """The summed products, (batch, …rest of the first, …rest of the second)."""
        x, y = inputs
        a, b = self._pair(x.ndim, y.ndim)
        if self.normalize:
            x, y = normalize(x, a), normalize(y, b)
        return merge.dot(x, y, (a, b))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the masked axis is summed over."""
        return None


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of all inputs."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The first input minus the second."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of all inputs."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of all inputs."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The largest of all inputs."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The smallest of all inputs."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """The inputs one after the other."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Products of two inputs, summed over an axis of each."""
    return Dot(axes=axes, **kwargs)(inputs)
