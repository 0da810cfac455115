"""Images moved, turned, sheared, tilted and crumpled: each output pixel looks up a place of the input."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core.errors import ShapeError
from ...core.random import draw_seed
from ..symbolic import op
from ..tensors import as_float
from .filters import blurred
from .layout import batched, check_choice, from_floats, working_dtype
from .sampling import FILL_MODES, neighbours

__all__ = ["affine_transform", "displaced", "elastic_transform", "perspective_transform", "projection", "sample"]

_ORDERS = {"nearest": 0, "bilinear": 1}


def sample(x: Any, rows: Any, columns: Any, order: int, fill_mode: str, fill_value: Any) -> Any:
    """Images at the places (rows, columns).

    Args:
        x: (batch, height, width, channels).
        rows, columns: (batch, new height, new width), floats.
        order, fill_mode, fill_value: as in `map_coordinates`.
    """
    batch, height, width, channels = x.shape
    flat = x.reshape(batch, height * width, channels)
    shape = jnp.broadcast_shapes(rows.shape, columns.shape)
    total: Any = None
    for row, row_weight, row_valid in neighbours(rows, height, order, fill_mode):
        for column, column_weight, column_valid in neighbours(columns, width, order, fill_mode):
            index = jnp.broadcast_to(row * width + column, shape).reshape(batch, -1, 1)
            value = jnp.take_along_axis(flat, index, axis=1, mode="promise_in_bounds")
            value = value.reshape(*shape, channels)
            if row_valid is not None:
                valid = (row_valid & column_valid)[..., None]
                value = jnp.where(valid, value, jnp.asarray(fill_value, x.dtype))
            if order == 0:
                return value
            weight = (row_weight * column_weight)[..., None].astype(working_dtype(x))
            total = value * weight if total is None else total + value * weight
    return from_floats(total, x.dtype, half_away=True)


def _grid(height: int, width: int) -> tuple[Any, Any]:
    """Row and column numbers of all pixels, (height, 1) and (1, width)."""
    return jnp.arange(height, dtype=jnp.float32)[:, None], jnp.arange(width, dtype=jnp.float32)[None, :]


@op
def affine_transform(
    images: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: float = 0,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images under projective maps: the output at (x, y) is the input at ((a₀x + a₁y + a₂) / k, (b₀x + b₁y + b₂) / k).

    Args:
        images: (height, width, channels) or a batch; any dtype, which the result keeps.
        transform: (8,) or (batch, 8): a₀, a₁, a₂, b₀, b₁, b₂, c₀, c₁, with k = c₀x + c₁y + 1. The last two are 0 for
            affine maps.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: beyond the edges: ``"constant"``, ``"nearest"``, ``"wrap"``, ``"mirror"`` or ``"reflect"``.
        fill_value: the constant.
        data_format: where the channels are.

    >>> import numpy as np
    >>> moved = [1.0, 0, 1, 0, 1, 0, 0, 0]  # looks one pixel to the right
    >>> affine_transform(np.arange(3.0).reshape(1, 3, 1), moved)[0, :, 0].tolist()
    [1.0, 2.0, 0.0]
    """
    check_choice("interpolation", interpolation, _ORDERS)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    x, back = batched(images, data_format)
    factors = as_float(transform)
    if factors.ndim not in (1, 2) or factors.shape[-1] != 8:
        raise ShapeError(f"transform must have shape (8,) or (batch, 8). Received: shape {factors.shape}")
    if factors.ndim == 2 and factors.shape[0] not in (1, x.shape[0]):
        raise ShapeError(f"transform holds {factors.shape[0]} maps for {x.shape[0]} images.")
    factors = jnp.broadcast_to(factors, (x.shape[0], 8)).astype(jnp.promote_types(factors.dtype, jnp.float32))
    places = _mapped(factors, *x.shape[1:3])
    return back(sample(x, *places, _ORDERS[interpolation], fill_mode, fill_value))


def _mapped(factors: Any, height: int, width: int) -> tuple[Any, Any]:
    """Rows and columns, (batch, height, width), where the maps `factors` (batch, 8) look for each pixel."""
    rows, columns = _grid(height, width)
    a0, a1, a2, b0, b1, b2, c0, c1 = (factors[:, i, None, None] for i in range(8))
    k = c0 * columns + c1 * rows + 1
    return (b0 * columns + b1 * rows + b2) / k, (a0 * columns + a1 * rows + a2) / k


@op
def perspective_transform(
    images: Any, start_points: Any, end_points: Any, interpolation: str = "bilinear", fill_value: float = 0,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images seen from elsewhere: the projective map that takes four points of the input to four of the output.

    Args:
        images: (height, width, channels) or a batch; any dtype, which the result keeps.
        start_points: (4, 2) or (batch, 4, 2): four points (x, y) of the input, no three of them on a line.
        end_points: where they come to lie, likewise.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_value: the value beyond the edges.
        data_format: where the channels are.
    """
    check_choice("interpolation", interpolation, _ORDERS)
    x, back = batched(images, data_format)
    start, end = as_float(start_points), as_float(end_points)
    if start.shape != end.shape:
        raise ShapeError(f"start_points and end_points must have the same shape. Received: {start.shape}, {end.shape}")
    if start.ndim not in (2, 3) or start.shape[-2:] != (4, 2):
        raise ShapeError(f"start_points must have shape (4, 2) or (batch, 4, 2). Received: shape {start.shape}")
    batch, height, width = x.shape[:3]
    start, end = (jnp.broadcast_to(p, (batch, 4, 2)) for p in (start, end))
    places = _mapped(projection(start, end, max(height, width)), height, width)
    return back(sample(x, *places, _ORDERS[interpolation], "constant", fill_value))


def projection(start: Any, end: Any, size: int) -> Any:
    """The maps (batch, 8), as of `affine_transform`, that take points `end` to `start`, (batch, 4, 2) each.

    Args:
        start, end: points (x, y).
        size: about how large the coordinates are.
    """
    unit = 1.0 / size  # lengths about 1, so that products of six of them stay in range
    # Four points fix a projective basis: with matrices S and E of the two, S E⁻¹ takes output to input.
    start, end = (_basis(p.astype(jnp.float32) * unit) for p in (start, end))
    m = jnp.einsum("bij,bjk->bik", start, _adjugate(end), precision="highest").reshape(-1, 9)
    return m[:, :8] / m[:, 8:] * jnp.array([1, 1, size, 1, 1, size, unit, unit], jnp.float32)


def _basis(points: Any) -> Any:
    """The matrix, up to a factor, that takes the unit vectors to the first three points and (1, 1, 1) to the fourth."""
    p = jnp.concatenate([points, jnp.ones_like(points[..., :1])], axis=-1)
    first, second, third, fourth = (p[:, i] for i in range(4))

    def volume(a: Any, b: Any, c: Any) -> Any:
        return jnp.sum(a * jnp.cross(b, c), axis=-1, keepdims=True)

    columns = [
        first * volume(fourth, second, third),
        second * volume(first, fourth, third),
        third * volume(first, second, fourth),
    ]
    return jnp.stack(columns, axis=-1)


def _adjugate(matrices: Any) -> Any:
    """The inverses of 3 × 3 matrices times their determinants."""
    a, b, c = (matrices[..., i] for i in range(3))
    return jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], axis=-2)


@op
def elastic_transform(
    images: Any, alpha: float = 20.0, sigma: float = 5.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
    fill_value: float = 0.0, seed: Any = None, data_format: str | None = None,
) -> Any:  # fmt: skip
    r"""Images crumpled by smooth random displacements: Simard et al., 2003, *Best Practices for CNNs*, section 2.

    Each pixel looks :math:`\alpha \, G_\sigma * \sigma n` away, along rows and along columns, with n standard normal
    noise for each pixel and G a Gaussian kernel.

    Args:
        images: (height, width, channels) or a batch; any dtype, which the result keeps.
        alpha: how far, in pixels.
        sigma: over how many pixels displacements are alike.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: beyond the edges: ``"constant"``, ``"nearest"``, ``"wrap"``, ``"mirror"`` or ``"reflect"``.
        fill_value: the constant.
        seed: None or a `SeedGenerator` for fresh noise along each direction; an integer gives the same noise at every
            call, and (as Keras draws it) along both directions.
        data_format: where the channels are.
    """
    check_choice("interpolation", interpolation, _ORDERS)
    check_choice("fill_mode", fill_mode, FILL_MODES)
    x, back = batched(images, data_format)
    dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else working_dtype(x)
    noise = [jax.random.normal(draw_seed(seed), x.shape[:3], dtype) for _ in range(2)]
    return back(
        displaced(x, noise, alpha, sigma, int(6 * float(sigma)) | 1, _ORDERS[interpolation], fill_mode, fill_value)
    )


def displaced(
    x: Any, noise: Any, alpha: Any, sigma: Any, size: int, order: int, fill_mode: str, fill_value: Any
) -> Any:
    """Images whose pixels look α · (G ∗ σn) away.

    Args:
        x: (batch, height, width, channels).
        noise: n along columns and along rows, (batch, height, width) each.
        alpha, sigma: numbers, which may be traced.
        size: the Gaussian kernel's, an odd number.
        order, fill_mode, fill_value: as in `map_coordinates`.
    """
    rows, columns = _grid(*x.shape[1:3])
    along, down = (
        jnp.asarray(alpha, n.dtype)
        * blurred((n * jnp.asarray(sigma, n.dtype))[..., None], (size, size), (sigma, sigma))[..., 0]
        for n in noise
    )
    return sample(x, rows + down, columns + along, order, fill_mode, fill_value)
