"""Values between pixels: nearest or linear interpolation at any coordinates, and what lies beyond the edges."""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError, ShapeError
from ..symbolic import op
from ..tensors import as_array, as_float
from .layout import check_choice, from_floats, working_dtype

__all__ = ["FILL_MODES", "inside", "map_coordinates", "neighbours"]

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def inside(index: Any, size: int, fill_mode: str) -> Any:
    """Whole indices brought into [0, size) as `fill_mode` continues a line beyond its ends.

    For ``a b c d``: constant and nearest ``a a | a b c d | d d``, wrap ``c d | a b c d | a b``,
    mirror ``c b | a b c d | c b``, reflect ``b a | a b c d | d c``.
    """
    if fill_mode == "wrap":
        return jnp.mod(index, size)
    if fill_mode == "mirror":
        if size == 1:
            return jnp.zeros_like(index)
        around = jnp.mod(index, 2 * size - 2)
        return jnp.minimum(around, 2 * size - 2 - around)
    if fill_mode == "reflect":
        around = jnp.mod(index, 2 * size)
        return jnp.minimum(around, 2 * size - 1 - around)
    return jnp.clip(index, 0, size - 1)


def neighbours(coordinate: Any, size: int, order: int, fill_mode: str) -> list[tuple[Any, Any, Any]]:
    """The pixels along one axis that a coordinate takes part of: index, weight, and whether it is one of the line's.

    Args:
        coordinate: floats; pixel i lies at i.
        size: the length of the line.
        order: 0 for the nearest pixel, 1 for the two around it.
        fill_mode: what lies beyond the ends; weights of the two are None for order 0.
    """
    if order == 0:
        # Halfway between two, the one further from 0.
        nearest = jnp.trunc(coordinate + jnp.copysign(jnp.asarray(0.5, coordinate.dtype), coordinate)).astype(jnp.int32)
        return [_neighbour(nearest, None, size, fill_mode)]
    low = jnp.floor(coordinate)
    weight = coordinate - low
    index = low.astype(jnp.int32)
    return [
        _neighbour(index, 1 - weight, size, fill_mode),
        _neighbour(index + 1, weight, size, fill_mode),
    ]


def _neighbour(index: Any, weight: Any, size: int, fill_mode: str) -> tuple[Any, Any, Any]:
    valid = (index >= 0) & (index < size) if fill_mode == "constant" else None
    return inside(index, size, fill_mode), weight, valid


@op
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Any:
    """The values of `inputs` at any coordinates, between its elements too.

    Args:
        inputs: a tensor of any rank; the result has its dtype.
        coordinates: (rank, ...): for each place the coordinates along the axes of `inputs`.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: beyond the edges: ``"constant"``, ``"nearest"``, ``"wrap"``, ``"mirror"`` or ``"reflect"``.
        fill_value: the constant.

    Returns:
        The shape of `coordinates` without its first axis.

    >>> import numpy as np
    >>> map_coordinates(np.array([10.0, 20.0, 40.0]), [[0.5, 2.0]], order=1).tolist()
    [15.0, 40.0]
    """
    x = as_array(inputs)
    places = as_float(coordinates)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    if order not in (0, 1):
        raise ArgumentError(f"order must be 0 or 1. Received: order={order!r}")
    if places.shape[0] != x.ndim:
        raise ShapeError(
            f"coordinates must have a first axis of {x.ndim}, one row for each axis of inputs {x.shape}. Received: shape "
            f"{places.shape}"
        )
    axes = [neighbours(c, n, order, fill_mode) for c, n in zip(places, x.shape, strict=True)]
    total: Any = 0.0
    for corner in itertools.product(*axes):
        value = x[tuple(index for index, _, _ in corner)]
        if fill_mode == "constant":
            valid = True
            for _, _, flag in corner:
                valid = valid & flag
            value = jnp.where(valid, value, jnp.asarray(fill_value, x.dtype))
        if order == 0:
            return value
        value = value.astype(working_dtype(x))
        for _, weight, _ in corner:
            value = value * weight.astype(value.dtype)
        total = total + value
    return from_floats(total, x.dtype, half_away=True)
