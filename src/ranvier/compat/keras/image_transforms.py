"""`preprocessing.image`: random changes of one image at a time, on the host, as ``ImageDataGenerator`` makes them.

The layers `RandomRotation`, `RandomZoom`, … are today's way: they run inside of the compiled program.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...tools.images import array_to_img, img_to_array

__all__ = [
    "apply_affine_transform", "apply_brightness_shift", "apply_channel_shift", "random_brightness", "random_channel_shift",
    "random_rotation", "random_shear", "random_shift", "random_zoom",
]  # fmt: skip


def apply_affine_transform(
    x: Any, theta: float = 0, tx: float = 0, ty: float = 0, shear: float = 0, zx: float = 1, zy: float = 1, row_axis: int = 1,
    col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0, order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Turn, move, shear and zoom an image about its centre.

    Args:
        x: an image with three axes.
        theta: degrees of rotation.
        tx, ty: shift to the left and upwards, in pixels.
        shear: degrees of shear.
        zx, zy: zoom of the width and of the height; below 1 things become larger.
        row_axis, col_axis, channel_axis: which axis is what.
        fill_mode: what comes in at the borders: ``"constant"`` (`cval`), ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        cval: the constant.
        order: of the spline between pixels; 1 is linear.

    >>> apply_affine_transform(np.arange(4.0).reshape(1, 2, 2), tx=1).tolist()
    [[[1.0, 1.0], [3.0, 3.0]]]
    """
    from scipy import ndimage

    x = np.asarray(x)
    if sorted(axis % 3 for axis in (row_axis, col_axis, channel_axis)) != [0, 1, 2]:
        raise ArgumentError(
            "row_axis, col_axis and channel_axis must be the three axes of an image. "
            f"Received: {row_axis}, {col_axis}, {channel_axis}"
        )
    turn, lean = np.deg2rad(theta), np.deg2rad(shear)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shearing = np.array([[1, -np.sin(lean)], [0, np.cos(lean)]])
    matrix = rotation @ shearing @ np.diag([zx, zy])
    planes = np.moveaxis(x, (channel_axis, col_axis, row_axis), (0, 1, 2))
    centre = np.array(planes.shape[1:]) / 2 - 0.5
    offset: Any = centre - matrix @ centre + rotation @ np.array([tx, ty])
    if np.array_equal(matrix, np.eye(2)) and not offset.any():
        return x
    changed = np.stack(
        [ndimage.affine_transform(p, matrix, offset, order=order, mode=_mode(fill_mode), cval=cval) for p in planes]
    )
    return np.moveaxis(changed, (0, 1, 2), (channel_axis, col_axis, row_axis))


def _mode(fill_mode: str) -> str:
    if fill_mode not in ("constant", "nearest", "reflect", "wrap"):
        raise ArgumentError(
            f"fill_mode must be 'constant', 'nearest', 'reflect' or 'wrap'. Received: fill_mode={fill_mode!r}"
        )
    return fill_mode


def random_rotation(
    x: Any, rg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest",
    cval: float = 0.0, interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Turn an image by up to `rg` degrees either way."""
    theta = np.random.uniform(-rg, rg)
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, theta, 0, 0, 0, 1, 1, *axes, fill_mode, cval, interpolation_order)


def random_shift(
    x: Any, wrg: float, hrg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest",
    cval: float = 0.0, interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Move an image by up to a share `wrg` of its width and `hrg` of its height either way."""
    height, width = np.shape(x)[row_axis], np.shape(x)[col_axis]
    tx, ty = np.random.uniform(-wrg, wrg) * width, np.random.uniform(-hrg, hrg) * height
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *axes, fill_mode, cval, interpolation_order)


def random_shear(
    x: Any, intensity: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest",
    cval: float = 0.0, interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Shear an image by up to `intensity` degrees either way."""
    shear = np.random.uniform(-intensity, intensity)
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *axes, fill_mode, cval, interpolation_order)


def random_zoom(
    x: Any, zoom_range: Any, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0, fill_mode: str = "nearest",
    cval: float = 0.0, interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Zoom an image by factors between the two of `zoom_range`, rows and columns each by its own."""
    if len(zoom_range) != 2:
        raise ArgumentError(f"zoom_range must be a pair of factors. Received: zoom_range={zoom_range!r}")
    zx, zy = (1, 1) if tuple(zoom_range) == (1, 1) else np.random.uniform(zoom_range[0], zoom_range[1], 2)
    axes = (row_axis, col_axis, channel_axis)
    return apply_affine_transform(x, 0, 0, 0, 0, zx, zy, *axes, fill_mode, cval, interpolation_order)


def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Add to all channels, within the range that the image has."""
    x = np.asarray(x)
    return np.clip(x + intensity, x.min(), x.max())


def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """Add up to `intensity_range` either way to all channels, within the range that the image has."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def apply_brightness_shift(x: Any, brightness: float, scale: bool = True) -> np.ndarray:
    """Multiply the brightness of an image, through Pillow.

    Args:
        x: an image, channels last.
        brightness: 0 is black, 1 leaves it.
        scale: whether values are stretched to 0…255 on the way; otherwise they must lie there.
    """
    from PIL import ImageEnhance

    x = np.asarray(x)
    low, high = x.min(), x.max()
    outside = low < 0 or high > 255
    picture = array_to_img(x, scale=outside or scale)
    shifted = img_to_array(ImageEnhance.Brightness(picture).enhance(brightness))
    return shifted / 255 * (high - low) + low if not scale and outside else shifted


def random_brightness(x: Any, brightness_range: Any, scale: bool = True) -> np.ndarray:
    """Multiply the brightness by a factor between the two of `brightness_range`."""
    if len(brightness_range) != 2:
        raise ArgumentError(f"brightness_range must be a pair of factors. Received: {brightness_range!r}")
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)
