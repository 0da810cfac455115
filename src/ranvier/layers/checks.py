"""Checks of layers' arguments, with errors that name the layer, the argument and what came."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, DataError, RanvierError, ShapeError
from ..ops import symbolic

__all__ = [
    "axis_or_axes",
    "per_axis",
    "positive",
    "rate_between",
    "refuse_numbers",
    "refuse_shapes",
    "refuse_text",
    "sizes_of",
    "small_constant",
    "true_or_false",
]


def positive(layer: str, name: str, value: Any, least: int = 1) -> int:
    """`value` as an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"{layer}: {name} must be an integer. Received: {name}={value!r}")
    if value < least:
        raise ArgumentError(f"{layer}: {name} must be at least {least}. Received: {name}={value!r}")
    return int(value)


def per_axis(layer: str, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """`value` as one int for each of `rank` axes; a single int stands for all."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank:
        raise ArgumentError(f"{layer}: {name} must be an integer or {rank} of them. Received: {name}={value!r}")
    return tuple(positive(layer, name, v, least) for v in values)


def rate_between(layer: str, name: str, value: Any) -> float:
    """`value`, refused unless it lies in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ArgumentError(f"{layer}: {name} must be a number from 0 to 1. Received: {name}={value!r}")
    return value


def axis_or_axes(layer: str, axis: Any, name: str = "axis") -> Any:
    """`axis` as an int, or a list of ints where several came."""
    several = isinstance(axis, (list, tuple))
    axes = list(axis) if several else [axis]
    if not axes or any(isinstance(a, bool) or not isinstance(a, Integral) for a in axes):
        raise ArgumentTypeError(f"{layer}: {name} must be an integer or a list of them. Received: {name}={axis!r}")
    axes = [int(a) for a in axes]
    return axes if several else axes[0]


def sizes_of(layer: str, axis: Any, shape: Any, name: str = "axis") -> tuple[Any, ...]:
    """The sizes of the axes in `axis` (an int or a list), refused where a shape has no such axis."""
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    if any(not -len(shape) <= a < len(shape) for a in axes):
        raise ShapeError(f"Layer '{layer}': {name}={axis} does not exist in inputs of shape {tuple(shape)}.")
    return tuple(shape[a] for a in axes)


def small_constant(layer: str, name: str, value: Any) -> float:
    """`value`, refused unless it is a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ArgumentError(f"{layer}: {name} must be a finite number of at least 0. Received: {name}={value!r}")
    return value


def refuse_text(layer: str, inputs: Any, error: Exception) -> None:
    """Say that text is no number where `error` came of text among the inputs; other errors are left to the caller.

    Raises:
        DataError: naming the layer and the text's dtype and shape.
    """
    if isinstance(error, RanvierError):
        return
    for leaf in symbolic.flatten(inputs):
        dtype = getattr(leaf, "dtype", None)
        if isinstance(leaf, (str, bytes)) or dtype == "string" or getattr(dtype, "kind", "number") in "OUST":
            what = repr(leaf) if dtype is None else f"dtype {dtype} and shape {tuple(leaf.shape)}"  # pyright: ignore[reportAttributeAccessIssue]
            raise DataError(
                f"Layer '{layer}' takes numbers. Received: {what}. Turn text into numbers first, with "
                "layers.StringLookup or layers.TextVectorization."
            ) from error


def refuse_shapes(layer: str, built_for: dict[str, Any] | None, inputs: Any, error: Exception) -> None:
    """Say that inputs have other shapes than the layer was built for where `error` came of it; others are left alone.

    Args:
        layer: the layer's name.
        built_for: the shapes that it was built for, by argument of its `build`.
        inputs: what it was called with.
        error: what the call raised.

    Raises:
        ShapeError: naming the layer and both shapes.
    """
    if isinstance(error, RanvierError) or not built_for:
        return
    expected = [shape for value in built_for.values() for shape in _shapes(value)]
    came = [tuple(leaf.shape) for leaf in symbolic.flatten(inputs) if hasattr(leaf, "shape")]
    for built, received in zip(expected, came, strict=False):
        if len(built) != len(received) or any(b not in (None, r) for b, r in zip(built[1:], received[1:], strict=True)):
            raise ShapeError(
                f"Layer '{layer}' was built for inputs of shape {(None, *built[1:])}, and cannot compute with shape "
                f"{received}: {error}"
            ) from error


def _shapes(value: Any) -> list[tuple[int | None, ...]]:
    if isinstance(value, dict):
        return [shape for inner in value.values() for shape in _shapes(inner)]
    if isinstance(value, (list, tuple)) and any(isinstance(inner, (list, tuple, dict)) for inner in value):
        return [shape for inner in value for shape in _shapes(inner)]
    return [tuple(value)] if isinstance(value, (list, tuple)) and value else []


def refuse_numbers(layer: str, args: tuple[Any, ...]) -> None:
    """Refuse plain numbers and flags where a layer takes tensors: by position only tensors come, settings by keyword.

    Raises:
        ArgumentError: naming what came.
    """
    for i, arg in enumerate(args):
        if isinstance(arg, (bool, int, float, complex)) or (i and isinstance(arg, (str, bytes))):
            raise ArgumentError(
                f"Layer '{layer}' takes tensors by position; anything else is given by keyword, as in layer(x, "
                f"training=True). Received: {arg!r} of type {type(arg).__name__} as argument {i + 1}"
            )


def true_or_false(layer: str, name: str, value: Any) -> bool:
    """`value` as a bool, refused unless it is one (or 0 or 1)."""
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, Integral) and value in (0, 1)):
        return bool(value)
    raise ArgumentTypeError(f"{layer}: {name} must be True or False. Received: {name}={value!r}")
