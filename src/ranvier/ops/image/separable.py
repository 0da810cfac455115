"""Images sampled along rows and columns apart, as two products of small matrices where images are small."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from .layout import from_floats, working_dtype
from .sampling import neighbours
from .warping import sample

__all__ = ["sample_separable"]

#: Up to this side two matrix products beat looking pixels up one by one.
_SMALL = 96


def sample_separable(x: Any, rows: Any, columns: Any, order: int, fill_mode: str, fill_value: Any) -> Any:
    """Images at the crossings of rows and columns: what `sample` gives, for grids that are not turned.

    Args:
        x: (batch, height, width, channels).
        rows: (batch, new height), floats.
        columns: (batch, new width), floats.
        order, fill_mode, fill_value: as in `map_coordinates`.
    """
    if max(x.shape[1:3]) > _SMALL:
        return sample(x, rows[:, :, None], columns[:, None, :], order, fill_mode, fill_value)
    dtype = working_dtype(x)
    down, right = (
        _weights(places, size, order, fill_mode, dtype) for places, size in ((rows, x.shape[1]), (columns, x.shape[2]))
    )
    y = jnp.einsum("bij,bjwc->biwc", down, x.astype(dtype), precision="highest")
    y = jnp.einsum("bkw,biwc->bikc", right, y, precision="highest")
    if fill_mode == "constant":  # what the weights inside the image leave to 1 is the constant's
        inside = down.sum(-1)[:, :, None, None] * right.sum(-1)[:, None, :, None]
        y = y + jnp.asarray(fill_value, dtype) * (1 - inside)
    return from_floats(y, x.dtype, half_away=True)


def _weights(places: Any, size: int, order: int, fill_mode: str, dtype: Any) -> Any:
    """(batch, places, size): the part of each pixel of a line in the value at each place."""
    line = jnp.arange(size, dtype=jnp.int32)
    total = jnp.zeros((*places.shape, size), dtype)
    for index, weight, valid in neighbours(places, size, order, fill_mode):
        part = jnp.ones((), dtype) if weight is None else weight[..., None].astype(dtype)
        chosen = index[..., None] == line
        total = total + jnp.where(chosen if valid is None else chosen & valid[..., None], part, 0)
    return total
