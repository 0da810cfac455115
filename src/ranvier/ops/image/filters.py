"""Neighbourhoods of pixels: blur, edges, and likeness of structure."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ...core.errors import ArgumentError, ShapeError
from ..symbolic import op
from .layout import batched, from_floats, pair, working_dtype

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]


def _bell(size: int, sigma: Any, dtype: Any) -> Any:
    """`size` values of a normal density around their middle, of sum 1."""
    x = jnp.arange(size, dtype=dtype) - (size - 1) / 2
    weights = jnp.exp(-0.5 * (x / jnp.asarray(sigma, dtype)) ** 2)
    return weights / jnp.sum(weights)


def _along(x: Any, weights: Any, axis: int) -> Any:
    """Σₖ wₖ x[i + k] along an axis: a correlation without padding, as shifted sums that XLA fuses."""
    length = x.shape[axis] - len(weights) + 1
    parts = (jnp.asarray(w, x.dtype) * _slice(x, k, length, axis) for k, w in enumerate(weights))
    return sum(parts, jnp.zeros((), x.dtype))


def _slice(x: Any, start: int, length: int, axis: int) -> Any:
    return x[(slice(None),) * axis + (slice(start, start + length),)]


def blurred(x: Any, size: tuple[int, int], sigma: tuple[Any, Any]) -> Any:
    """(batch, height, width, channels) under a Gaussian kernel, with zeros beyond the edges."""
    for axis, (n, s) in enumerate(zip(size, sigma, strict=True), 1):
        edges = [(0, 0)] * 4
        edges[axis] = ((n - 1) // 2, n // 2)
        x = _along(jnp.pad(x, edges), _bell(n, s, x.dtype), axis)
    return x


@op
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    r"""Images under a Gaussian kernel, :math:`\propto \exp(-x^2 / 2\sigma^2)`, with zeros beyond the edges.

    Args:
        images: (height, width, channels) or a batch; any dtype, which the result keeps.
        kernel_size: the kernel's height and width.
        sigma: its standard deviations along them, in pixels.
        data_format: where the channels are.
    """
    size, widths = pair("kernel_size", kernel_size), pair("sigma", sigma, kind=lambda v: v)
    if min(size) < 1:
        raise ArgumentError(f"kernel_size must be positive. Received: kernel_size={kernel_size!r}")
    x, back = batched(images, data_format)
    return back(from_floats(blurred(x.astype(working_dtype(x)), size, widths), x.dtype))


@op
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """The gradients of brightness that Sobel's filters see, downwards and to the right.

    Args:
        images: (height, width, channels) or a batch.
        data_format: where the channels are.

    Returns:
        The images' shape with a last axis of 2: the change from row to row, and from column to column; beyond the
        edges the image is 0. The images' dtype, but int32 for unsigned integers.
    """
    x, back = batched(images, data_format)
    padded = jnp.pad(x.astype(working_dtype(x)), ((0, 0), (1, 1), (1, 1), (0, 0)))
    smooth, change = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
    down = _along(_along(padded, change, 1), smooth, 2)
    right = _along(_along(padded, smooth, 1), change, 2)
    signed = jnp.int32 if jnp.issubdtype(x.dtype, jnp.unsignedinteger) else x.dtype
    return jnp.stack([back(down), back(right)], axis=-1).astype(signed)


@op
def ssim(
    image1: Any, image2: Any, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01,
    k2: float = 0.03, data_format: str | None = None,
) -> Any:  # fmt: skip
    r"""The structural similarity of images: Wang et al., 2004, equation 13, averaged over places and channels.

    .. math:: \frac{(2\mu_1\mu_2 + C_1)(2\sigma_{12} + C_2)}{(\mu_1^2 + \mu_2^2 + C_1)(\sigma_1^2 + \sigma_2^2 + C_2)}

    Args:
        image1, image2: (height, width, channels) or batches, of one shape.
        max_val: the range of the pixels' values: 1 or 255.
        filter_size, filter_sigma: the Gaussian window under which means and variances are taken.
        k1, k2: C₁ = (k₁ · max_val)², C₂ = (k₂ · max_val)².
        data_format: where the channels are.

    Returns:
        A number for each image, 1 for equal images.
    """
    a, _ = batched(image1, data_format, "image1")
    b, _ = batched(image2, data_format, "image2")
    if a.shape != b.shape:
        raise ShapeError(f"image1 and image2 must have the same shape. Received: {a.shape} and {b.shape}")
    if min(a.shape[1:3]) < filter_size:
        raise ShapeError(f"images must be at least filter_size={filter_size} pixels high and wide. Received: {a.shape}")
    dtype = a.dtype
    a, b = a.astype(working_dtype(a)), b.astype(working_dtype(b))
    window = _bell(filter_size, filter_sigma, a.dtype)

    def mean(x: Any) -> Any:
        return _along(_along(x, window, 1), window, 2)

    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a + b * b) - mean_a**2 - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    likeness = jnp.mean(luminance * (2 * covariance + c2) / (variances + c2), axis=(1, 2, 3)).astype(dtype)
    return likeness if len(image1.shape) == 4 else likeness[0]
