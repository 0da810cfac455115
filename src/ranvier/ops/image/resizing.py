"""Images in another size."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...core.errors import ArgumentError
from ..symbolic import op
from ..tensors import as_array, as_float
from .layout import batched, check_choice, from_floats, working_dtype

__all__ = ["resize", "scale_and_translate"]

_METHODS = {"bilinear": "linear", "nearest": "nearest", "lanczos3": "lanczos3", "lanczos5": "lanczos5",
            "bicubic": "cubic"}  # fmt: skip
_SCALING = ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


@op
def resize(
    images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False, fill_mode: str = "constant",
    fill_value: float = 0.0, data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images with other numbers of rows and columns.

    Args:
        images: (height, width, channels) or a batch; any dtype, which the result keeps.
        size: the new (height, width).
        interpolation: ``"nearest"``, ``"bilinear"``, ``"bicubic"`` (Keys, 1981), ``"lanczos3"`` or ``"lanczos5"``.
        antialias: whether kernels widen when images shrink, so that fine patterns blur instead of aliasing.
        crop_to_aspect_ratio: cut the images' longer side to the new aspect ratio first, around the centre.
        pad_to_aspect_ratio: pad their shorter side to the new aspect ratio first.
        fill_mode: ``"constant"``, the only way to pad.
        fill_value: the padding.
        data_format: where the channels are.

    Raises:
        ArgumentError: an unknown interpolation, not two sizes, or cropping and padding at once.
    """
    check_choice("interpolation", interpolation, tuple(_METHODS))
    check_choice("fill_mode", fill_mode, ("constant",))
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ArgumentError(f"size must be (height, width). Received: size={size!r}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other.")
    new_height, new_width = int(size[0]), int(size[1])
    x, back = batched(images, data_format)
    dtype = x.dtype
    x = x.astype(working_dtype(x)) if not jnp.issubdtype(dtype, jnp.floating) else x
    height, width = x.shape[1:3]
    fitting_height = max(int(width * new_height / new_width), 1)
    fitting_width = max(int(height * new_width / new_height), 1)
    if crop_to_aspect_ratio:
        rows, columns = min(height, fitting_height), min(width, fitting_width)
        top, left = (height - rows) // 2, (width - columns) // 2
        x = x[:, top : top + rows, left : left + columns]
    elif pad_to_aspect_ratio:
        rows, columns = max(height, fitting_height), max(width, fitting_width)
        top, left = (rows - height) // 2, (columns - width) // 2
        # The same on both sides, so that the image stays in the middle; an odd pixel is not padded.
        x = jnp.pad(x, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=fill_value)
    shape = (x.shape[0], new_height, new_width, x.shape[-1])
    return back(from_floats(jax.image.resize(x, shape, _METHODS[interpolation], antialias=bool(antialias)), dtype))


@op
def scale_and_translate(
    images: Any, output_shape: Any, scale: Any, translation: Any, spatial_dims: Any, method: str,
    antialias: bool = True,
) -> Any:  # fmt: skip
    """Images scaled and moved: output coordinate = input coordinate · scale + translation, between pixels' edges.

    Args:
        images: a tensor of any rank.
        output_shape: the shape of the result; None leaves a size as it is.
        scale: a factor for each axis of `spatial_dims`.
        translation: a distance for each of them, in output pixels.
        spatial_dims: the axes that are scaled.
        method: ``"linear"``, ``"cubic"``, ``"lanczos3"`` or ``"lanczos5"``, or ``"bilinear"`` and the like.
        antialias: whether kernels widen when images shrink.
    """
    check_choice("method", method, _SCALING)
    scale, translation, images = as_float(scale), as_float(translation), as_array(images)
    sizes = tuple(n if s is None else s for s, n in zip(output_shape, images.shape, strict=True))
    return jax.image.scale_and_translate(
        images, sizes, tuple(spatial_dims), scale, translation, method, bool(antialias)
    )
