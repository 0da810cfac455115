"""``tf.image``: sizes, colours, flips and random changes of images (height, width, channels) and of batches of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import ops
from ...core.errors import ArgumentError
from ...ops.symbolic import op
from .declaring import InvalidArgumentError
from .dtypes import as_dtype, dtype_name
from .io import decode_bmp, decode_gif, decode_image, decode_jpeg, decode_png, encode_jpeg, encode_png, is_jpeg
from .random import uniform
from .shapes import static_shape
from .tensors import array_of

__all__ = [
    "ResizeMethod", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation",
    "central_crop", "convert_image_dtype", "crop_and_resize", "crop_to_bounding_box", "decode_bmp", "decode_gif",
    "decode_image", "decode_jpeg", "decode_png", "encode_jpeg", "encode_png", "extract_patches", "flip_left_right",
    "flip_up_down", "grayscale_to_rgb", "hsv_to_rgb", "image_gradients", "is_jpeg", "pad_to_bounding_box",
    "per_image_standardization", "psnr", "random_brightness", "random_contrast", "random_crop",
    "random_flip_left_right", "random_flip_up_down", "random_hue", "random_saturation", "resize",
    "resize_with_crop_or_pad", "resize_with_pad", "rgb_to_grayscale", "rgb_to_hsv", "rot90", "sobel_edges", "ssim",
    "total_variation", "transpose",
]  # fmt: skip


class ResizeMethod:
    """Ways to compute numbers between pixels."""

    BILINEAR, NEAREST_NEIGHBOR, BICUBIC = "bilinear", "nearest", "bicubic"
    LANCZOS3, LANCZOS5, AREA, GAUSSIAN, MITCHELLCUBIC = "lanczos3", "lanczos5", "area", "gaussian", "mitchellcubic"


def resize(
    images: Any,
    size: Any,
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
) -> Any:
    """Images with other numbers of rows and columns; floats, but for ``"nearest"``, which keeps the dtype.

    Args:
        images: (height, width, channels) or a batch.
        size: (height, width).
        method: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        preserve_aspect_ratio: the largest size within `size` that keeps the ratio of the sides.
        antialias: whether kernels widen when images shrink.
        name: accepted.
    """
    if method not in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"):
        raise ArgumentError(
            f"method must be 'bilinear', 'nearest', 'bicubic', 'lanczos3' or 'lanczos5'. Received: method={method!r}"
        )
    images = array_of(images)
    height, width = static_shape(size)
    if preserve_aspect_ratio:
        rows, columns = images.shape[-3:-1]
        ratio = min(height / rows, width / columns)
        height, width = int(np.round(ratio * rows)), int(np.round(ratio * columns))
    if method != "nearest" and not jnp.issubdtype(images.dtype, jnp.floating):
        images = ops.cast(images, "float32")
    return ops.image.resize(
        images, (height, width), interpolation=method, antialias=antialias, data_format="channels_last"
    )


def resize_with_pad(
    image: Any, target_height: int, target_width: int, method: str = "bilinear", antialias: bool = False
) -> Any:
    """Resized within the target without changing the ratio of the sides, then padded with zeros."""
    image = array_of(image)
    rows, columns = image.shape[-3:-1]
    ratio = max(rows / target_height, columns / target_width)
    found = resize(image, (int(rows / ratio), int(columns / ratio)), method, antialias=antialias)
    top, left = int((target_height - rows / ratio) / 2), int((target_width - columns / ratio) / 2)
    return pad_to_bounding_box(found, max(top, 0), max(left, 0), target_height, target_width)


def resize_with_crop_or_pad(image: Any, target_height: int, target_width: int) -> Any:
    """Cut or padded around the centre."""
    image = array_of(image)
    height, width = image.shape[-3:-1]
    cut_h, cut_w = max(height - target_height, 0), max(width - target_width, 0)
    image = crop_to_bounding_box(image, cut_h // 2, cut_w // 2, min(height, target_height), min(width, target_width))
    pad_h, pad_w = max(target_height - height, 0), max(target_width - width, 0)
    return pad_to_bounding_box(image, pad_h // 2, pad_w // 2, target_height, target_width)


@op
def crop_to_bounding_box(
    image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Any:
    """The part of that size that begins there."""
    image = array_of(image)
    h, w = int(offset_height), int(offset_width)
    if min(h, w) < 0 or h + int(target_height) > image.shape[-3] or w + int(target_width) > image.shape[-2]:
        raise InvalidArgumentError(
            f"An image of shape {tuple(image.shape)} has no {target_height} x {target_width} pixels from ({h}, {w}) on."
        )
    return image[..., h : h + int(target_height), w : w + int(target_width), :]


@op
def pad_to_bounding_box(
    image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Any:
    """With zeros around it."""
    image = array_of(image)
    after = int(target_height) - offset_height - image.shape[-3], int(target_width) - offset_width - image.shape[-2]
    return jnp.pad(image, [*((0, 0),) * (image.ndim - 3), (offset_height, after[0]), (offset_width, after[1]), (0, 0)])


@op
def central_crop(image: Any, central_fraction: float) -> Any:
    """The middle part, that fraction of each side."""
    image = array_of(image)
    if central_fraction == 1.0:
        return image
    h, w = image.shape[-3:-1]
    top, left = int((h - h * central_fraction) / 2), int((w - w * central_fraction) / 2)
    return image[..., top : h - top, left : w - left, :]


@op
def crop_and_resize(
    image: Any,
    boxes: Any,
    box_indices: Any,
    crop_size: Any,
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
    name: str | None = None,
) -> Any:
    """The boxes (top, left, bottom, right, from 0 to 1) of the images with these indices, resized."""
    images, boxes, which = array_of(image), array_of(boxes), array_of(box_indices)
    height, width = static_shape(crop_size)
    rows, columns = images.shape[1:3]

    def line(a: Any, b: Any, count: int, size: int) -> Any:
        if count == 1:
            return (0.5 * (a + b) * (size - 1))[None]
        return a * (size - 1) + jnp.arange(count) * (b - a) * (size - 1) / (count - 1)

    def one(box: Any, number: Any) -> Any:
        y, x = line(box[0], box[2], height, rows), line(box[1], box[3], width, columns)
        yy, xx = jnp.meshgrid(y, x, indexing="ij")
        inside = (yy >= 0) & (yy <= rows - 1) & (xx >= 0) & (xx <= columns - 1)
        if method == "nearest":
            found = images[number, jnp.round(yy).astype(int), jnp.round(xx).astype(int)]
        else:
            found = jax.vmap(lambda c: jax.scipy.ndimage.map_coordinates(c, [yy, xx], order=1, mode="nearest"), -1, -1)(
                images[number].astype(jnp.float32)
            )
        return jnp.where(inside[..., None], found, extrapolation_value).astype(jnp.float32)

    return jax.vmap(one)(boxes, which)


# --- flips ------------------------------------------------------------------------------------------------------------


@op
def flip_left_right(image: Any) -> Any:
    """Mirrored at a vertical line."""
    return jnp.flip(array_of(image), -2)


@op
def flip_up_down(image: Any) -> Any:
    """Mirrored at a horizontal line."""
    return jnp.flip(array_of(image), -3)


@op
def transpose(image: Any, name: str | None = None) -> Any:
    """Rows and columns exchanged."""
    return jnp.swapaxes(array_of(image), -3, -2)


@op
def rot90(image: Any, k: int = 1, name: str | None = None) -> Any:
    """Turned by `k` right angles, against the clock."""
    return jnp.rot90(array_of(image), k, (-3, -2))


def _perhaps(image: Any, seed: Any, change: Callable[[Any], Any]) -> Any:
    """Each image changed or not, with even chances."""
    image = array_of(image)
    choices = uniform(image.shape[:-3], seed=seed) < 0.5
    return jnp.where(choices[..., None, None, None], change(image), image)


def random_flip_left_right(image: Any, seed: Any = None) -> Any:
    """Mirrored at a vertical line or not, each image for itself."""
    return _perhaps(image, seed, flip_left_right)


def random_flip_up_down(image: Any, seed: Any = None) -> Any:
    """Mirrored at a horizontal line or not, each image for itself."""
    return _perhaps(image, seed, flip_up_down)


def random_crop(value: Any, size: Any, seed: Any = None, name: str | None = None) -> Any:
    """A part of that size from a random place."""
    value, size = array_of(value), static_shape(size)
    if len(size) != value.ndim or any(s > v for s, v in zip(size, value.shape, strict=True)):
        raise InvalidArgumentError(f"A tensor of shape {tuple(value.shape)} has no part of size {size}.")
    starts = [uniform((), 0, v - s + 1, "int32", seed) for s, v in zip(size, value.shape, strict=True)]
    return jax.lax.dynamic_slice(value, starts, size)


# --- colours ----------------------------------------------------------------------------------------------------------


@op
def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """In another dtype, with numbers rescaled: floats go from 0 to 1, integers from 0 to the largest."""
    image, wanted = array_of(image), as_dtype(dtype)
    name_ = dtype_name(dtype)
    own = as_dtype(image.dtype)
    if own == name_:
        return image
    if own.is_integer and wanted.is_floating:
        return image.astype(name_) * jnp.asarray(1.0 / own.max, name_)
    if own.is_floating and wanted.is_floating:
        return image.astype(name_)
    if own.is_floating:
        scale = as_dtype(name_).max + 0.5
        scaled = image * scale
        return (
            jnp.clip(scaled, as_dtype(name_).min, as_dtype(name_).max).astype(name_)
            if saturate
            else scaled.astype(name_)
        )
    if own.max > as_dtype(name_).max:
        return (image // ((own.max + 1) // (as_dtype(name_).max + 1))).astype(name_)
    return image.astype(name_) * ((as_dtype(name_).max + 1) // (own.max + 1))


def _in_floats(image: Any, change: Callable[[Any], Any]) -> Any:
    """`change` of the image with numbers from 0 to 1, back in its own dtype."""
    own = array_of(image).dtype
    if jnp.issubdtype(own, jnp.floating):
        return change(array_of(image))
    return convert_image_dtype(change(convert_image_dtype(image, "float32")), own, saturate=True)


def adjust_brightness(image: Any, delta: Any) -> Any:
    """With `delta` added."""
    return _in_floats(image, lambda x: x + jnp.asarray(array_of(delta), x.dtype))


def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """With each channel's distance from its mean multiplied."""

    def change(x: Any) -> Any:
        mean = jnp.mean(x, (-3, -2), keepdims=True)
        return (x - mean) * array_of(contrast_factor) + mean

    return _in_floats(images, change)


def adjust_gamma(image: Any, gamma: float = 1, gain: float = 1) -> Any:
    """gain times the numbers (from 0 to 1) to the power of gamma."""
    return _in_floats(image, lambda x: gain * x**gamma)


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """With the colours' strength multiplied."""

    def change(x: Any) -> Any:
        hsv = ops.image.rgb_to_hsv(x, data_format="channels_last")
        s = jnp.clip(hsv[..., 1:2] * array_of(saturation_factor), 0, 1)
        return ops.image.hsv_to_rgb(jnp.concatenate([hsv[..., :1], s, hsv[..., 2:]], -1), data_format="channels_last")

    return _in_floats(image, change)


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """With the colours moved along the circle by `delta`, from -1 to 1."""

    def change(x: Any) -> Any:
        hsv = ops.image.rgb_to_hsv(x, data_format="channels_last")
        h = jnp.mod(hsv[..., :1] + array_of(delta), 1.0)
        return ops.image.hsv_to_rgb(jnp.concatenate([h, hsv[..., 1:]], -1), data_format="channels_last")

    return _in_floats(image, change)


def random_brightness(image: Any, max_delta: float, seed: Any = None) -> Any:
    """`adjust_brightness` by up to `max_delta` either way."""
    return adjust_brightness(image, uniform((), -max_delta, max_delta, seed=seed))


def random_contrast(image: Any, lower: float, upper: float, seed: Any = None) -> Any:
    """`adjust_contrast` by a factor from `lower` to `upper`."""
    return adjust_contrast(image, uniform((), lower, upper, seed=seed))


def random_saturation(image: Any, lower: float, upper: float, seed: Any = None) -> Any:
    """`adjust_saturation` by a factor from `lower` to `upper`."""
    return adjust_saturation(image, uniform((), lower, upper, seed=seed))


def random_hue(image: Any, max_delta: float, seed: Any = None) -> Any:
    """`adjust_hue` by up to `max_delta` either way."""
    return adjust_hue(image, uniform((), -max_delta, max_delta, seed=seed))


def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """Brightness, one channel."""
    return _in_floats(images, lambda x: ops.image.rgb_to_grayscale(x, data_format="channels_last"))


@op
def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """Three equal channels."""
    return jnp.repeat(array_of(images), 3, axis=-1)


def rgb_to_hsv(images: Any, name: str | None = None) -> Any:
    """Hue, saturation and value, from 0 to 1."""
    return ops.image.rgb_to_hsv(array_of(images), data_format="channels_last")


def hsv_to_rgb(images: Any, name: str | None = None) -> Any:
    """Red, green and blue, from 0 to 1."""
    return ops.image.hsv_to_rgb(array_of(images), data_format="channels_last")


@op
def per_image_standardization(image: Any) -> Any:
    """Each image with mean 0 and variance 1."""
    x = array_of(image).astype(jnp.float32)
    mean = jnp.mean(x, (-3, -2, -1), keepdims=True)
    least = 1 / np.sqrt(np.prod(x.shape[-3:]))
    return (x - mean) / jnp.maximum(jnp.std(x, (-3, -2, -1), keepdims=True), least)


# --- measures ---------------------------------------------------------------------------------------------------------


@op
def psnr(a: Any, b: Any, max_val: float, name: str | None = None) -> Any:
    """The ratio of signal to noise between images, in decibels."""
    a, b = convert_image_dtype(a, "float32"), convert_image_dtype(b, "float32")
    error = jnp.mean(jnp.square(a - b), (-3, -2, -1))
    return 20 * jnp.log10(max_val) - 10 * jnp.log10(error)


def ssim(
    img1: Any,
    img2: Any,
    max_val: float,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Any:
    """The structural similarity of images: Wang et al., 2004."""
    from ...ops.image import ssim

    return ssim(array_of(img1), array_of(img2), max_val, filter_size, filter_sigma, k1, k2)


@op
def total_variation(images: Any, name: str | None = None) -> Any:
    """The sum of the differences of neighbouring pixels."""
    x = array_of(images)
    down, right = x[..., 1:, :, :] - x[..., :-1, :, :], x[..., :, 1:, :] - x[..., :, :-1, :]
    return jnp.sum(jnp.abs(down), (-3, -2, -1)) + jnp.sum(jnp.abs(right), (-3, -2, -1))


@op
def image_gradients(image: Any) -> Any:
    """The differences to the pixel below and to the one on the right, 0 at the edges."""
    x = array_of(image)
    return (
        jnp.pad(x[:, 1:] - x[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0))),
        jnp.pad(x[:, :, 1:] - x[:, :, :-1], ((0, 0), (0, 0), (0, 1), (0, 0))),
    )


@op
def sobel_edges(image: Any) -> Any:
    """Sobel's filters in both directions, (…, 2)."""
    x = array_of(image)
    kernel = jnp.asarray([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], x.dtype)
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    h, w = x.shape[1:3]

    def filtered(k: Any) -> Any:
        return sum(k[i, j] * padded[:, i : i + h, j : j + w] for i in (0, 1, 2) for j in (0, 1, 2))

    return jnp.stack([filtered(kernel), filtered(kernel.T)], -1)


def extract_patches(images: Any, sizes: Any, strides: Any, rates: Any, padding: str, name: str | None = None) -> Any:
    """Windows of pixels as channels: (batch, rows, columns, height * width * channels)."""
    (_, h, w, _), (_, sh, sw, _), (_, rh, rw, _) = static_shape(sizes), static_shape(strides), static_shape(rates)
    return _patches(array_of(images), (h, w), (sh, sw), (rh, rw), padding)


@op
def _patches(x: Any, size: Any, strides: Any, rates: Any, padding: str) -> Any:
    found = jax.lax.conv_general_dilated_patches(
        x, size, strides, padding, rhs_dilation=rates, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )  # channels come before the window
    n, rows, columns, _ = found.shape
    return found.reshape(n, rows, columns, x.shape[-1], -1).swapaxes(-1, -2).reshape(n, rows, columns, -1)


def __getattr__(name: str) -> Any:
    from .absent import absence

    raise AttributeError(absence("image", name, __all__))
