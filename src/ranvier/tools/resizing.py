r"""Images in another size, in NumPy: each new row and column is a weighted sum of a few old ones.

Output pixel :math:`i` lies at :math:`c = (i + \frac12) \cdot \text{old} / \text{new}` of the input; the input's pixel
:math:`j` counts with :math:`k(j + \frac12 - c)`, :math:`k` being the method's kernel, and the weights are scaled to
the sum 1. Kernels do not widen when images shrink, as in Keras. Photographs come in thousands of sizes, for each of
which jax would compile a program of its own; this takes a millisecond for any of them, and threads do it side by side.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jax
import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, ShapeError
from ..core.settings import standardize_data_format

__all__ = ["INTERPOLATIONS", "crop_to_aspect", "resize", "resize_with_bars", "resized_is_same", "smart_resize"]


def _keys(x: np.ndarray) -> np.ndarray:
    """The cubic kernel of R. Keys (1981) with a = −1/2."""
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, far)


def _mitchell(x: np.ndarray) -> np.ndarray:
    """The cubic kernel of D. Mitchell and A. Netravali (1988) with B = C = 1/3."""
    near = ((7 * x - 12) * x**2 + 16 / 3) / 6
    far = (((-7 / 3 * x + 12) * x - 20) * x + 32 / 3) / 6
    return np.where(x < 1, near, far)


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.sinc(x) * np.sinc(x / radius)


# Kernels of the distance, zero from the radius on.
_KERNELS: dict[str, tuple[float, Callable[[np.ndarray], np.ndarray]]] = {
    "bilinear": (1.0, lambda x: 1 - x),
    "bicubic": (2.0, _keys),
    "lanczos3": (3.0, _lanczos(3)),
    "lanczos5": (5.0, _lanczos(5)),
    "gaussian": (1.5, lambda x: np.exp(-2 * x**2)),
    "mitchellcubic": (2.0, _mitchell),
}
INTERPOLATIONS = (
    "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic",
)  # fmt: skip
_JAX = {"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5"}


@functools.lru_cache(maxsize=512)
def _taps(old: int, new: int, interpolation: str) -> tuple[np.ndarray, np.ndarray]:
    """Which old pixels make each new one, and with which weights: both (taps, new)."""
    scale, i = old / new, np.arange(new)
    centre = (i + 0.5) * scale
    if interpolation == "nearest":
        return np.minimum(centre.astype(np.int64), old - 1)[None], np.ones((1, new), np.float32)
    if interpolation == "area":
        pixel = np.floor(i * scale).astype(np.int64) + np.arange(int(np.ceil(scale)) + 1)[:, None]
        weight = np.clip(np.minimum((i + 1) * scale, pixel + 1) - np.maximum(i * scale, pixel), 0, None)
    else:
        radius, kernel = _KERNELS[interpolation]
        pixel = np.ceil(centre - radius - 0.5).astype(np.int64) + np.arange(int(2 * radius) + 1)[:, None]
        distance = np.abs(pixel + 0.5 - centre)
        weight = np.where(distance < radius, kernel(distance), 0)
    weight = np.where((pixel >= 0) & (pixel < old), weight, 0)
    weight = weight / weight.sum(axis=0)
    rank = np.argsort(weight == 0, axis=0, kind="stable")  # pixels that count first: few kernels need all their taps
    pixel, weight = (np.take_along_axis(values, rank, axis=0) for values in (np.clip(pixel, 0, old - 1), weight))
    used = weight.any(axis=1)
    return pixel[used], weight[used].astype(np.float32)


def resize(image: np.ndarray, size: tuple[int, int], interpolation: str = "bilinear") -> np.ndarray:
    """An image, or a batch of them, with `size` rows and columns.

    Args:
        image: (…, height, width, channels).
        size: the new height and width.
        interpolation: one of `INTERPOLATIONS`.

    Returns:
        float32, or the image's own dtype for "nearest".
    """
    for axis, new in zip((-3, -2), size, strict=True):
        pixel, weight = _taps(image.shape[axis], int(new), interpolation)
        if interpolation == "nearest":
            image = np.take(image, pixel[0], axis=axis)
        elif image.shape[axis] != new or len(pixel) > 1:
            weight = weight[..., None, None] if axis == -3 else weight[..., None]
            total = np.take(image, pixel[0], axis=axis) * weight[0]
            for p, w in zip(pixel[1:], weight[1:], strict=True):
                total += np.take(image, p, axis=axis) * w
            image = total
    return image if interpolation == "nearest" else np.asarray(image, np.float32)


def resized_is_same(image: np.ndarray, size: tuple[int, int], interpolation: str) -> bool:
    """Whether `resize` would leave every pixel as it is."""
    return image.shape[:2] == size and all(len(_taps(n, n, interpolation)[0]) == 1 for n in size)


def crop_to_aspect(image: Any, size: tuple[int, int]) -> Any:
    """The largest part of (…, height, width, channels) around the centre with the aspect ratio of `size`."""
    height, width = image.shape[-3:-1]
    rows = max(min(height, width * size[0] // size[1]), 1)
    columns = max(min(width, height * size[1] // size[0]), 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    return image[..., top : top + rows, left : left + columns, :]


def resize_with_bars(image: np.ndarray, size: tuple[int, int], interpolation: str = "bilinear") -> np.ndarray:
    """(height, width, channels) as large as it fits into `size`, in the middle, with black bars beside it."""
    height, width = image.shape[:2]
    ratio = max(Fraction(height, size[0]), Fraction(width, size[1]))
    inner = [Fraction(now) / ratio for now in (height, width)]  # where it ends; pixels are whole
    small = resize(image, (max(int(inner[0]), 1), max(int(inner[1]), 1)), interpolation)
    out = np.zeros((*size, image.shape[2]), small.dtype)
    top, left = (int((new - length) / 2) for new, length in zip(size, inner, strict=True))
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


def smart_resize(
    x: Any, size: Any, interpolation: str = "bilinear", data_format: str | None = "channels_last", **kwargs: Any
) -> Any:
    """An image in another size, not distorted: what does not fit the new aspect ratio is cut off evenly.

    Args:
        x: (height, width, channels) or a batch of them.
        size: the new (height, width).
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        data_format: where the channels are.

    Returns:
        NumPy for NumPy, a jax array for a jax array; float32, or the dtype of `x` for "nearest".

    Raises:
        ArgumentError: another `interpolation` or `size`.
        ShapeError: no image.

    >>> smart_resize(np.ones((4, 8, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    if kwargs:
        raise ArgumentTypeError(f"smart_resize() got unknown arguments: {', '.join(kwargs)}")
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ArgumentError(f"size must be (height, width). Received: size={size!r}")
    if interpolation not in _JAX:
        raise ArgumentError(
            f"interpolation must be one of {', '.join(_JAX)}. Received: interpolation={interpolation!r}"
        )
    x = x if isinstance(x, jax.Array) else np.asarray(x)
    if x.ndim not in (3, 4):
        raise ShapeError(f"x must be one image (height, width, channels) or a batch. Received: shape {tuple(x.shape)}")
    size = (int(size[0]), int(size[1]))
    first = standardize_data_format(data_format) == "channels_first"
    x = x.swapaxes(-3, -2).swapaxes(-2, -1) if first else x
    x = crop_to_aspect(x, size)
    if isinstance(x, jax.Array):
        floats = x if interpolation == "nearest" else x.astype(np.float32)
        x = jax.image.resize(floats, (*x.shape[:-3], *size, x.shape[-1]), _JAX[interpolation], antialias=False)
    else:
        x = resize(x, size, interpolation)
    return x.swapaxes(-2, -1).swapaxes(-3, -2) if first else x
