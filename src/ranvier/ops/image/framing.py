"""Cutting images smaller and padding them larger."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError
from ..symbolic import op
from .layout import batched

__all__ = ["crop_images", "pad_images"]


def _edges(
    kind: str, side: str, names: tuple[str, str, str], before: int | None, after: int | None, target: int | None,
    size: int,
) -> tuple[int, int]:  # fmt: skip
    """What is cut off (or added) before and after along one axis of `size`, from two of the three things given."""
    given = ", ".join(f"{n}={v!r}" for n, v in zip(names, (before, after, target), strict=True))
    if sum(v is None for v in (before, after, target)) != 1:
        raise ArgumentError(f"Give exactly two of {', '.join(names)}. Received: {given}")
    total = ((target or 0) - size) * (1 if kind == "pad" else -1)
    if before is None:
        before = total - (after or 0)
    elif after is None:
        after = total - before
    after = after or 0
    if before < 0 or after < 0 or (kind == "crop" and before + after >= size):
        raise ArgumentError(f"An image of {side} {size} cannot be framed this way. Received: {given}")
    return int(before), int(after)


@op
def crop_images(
    images: Any, top_cropping: int | None = None, left_cropping: int | None = None, bottom_cropping: int | None = None,
    right_cropping: int | None = None, target_height: int | None = None, target_width: int | None = None,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images without some of their outer rows and columns.

    Args:
        images: (height, width, channels) or a batch, any dtype.
        top_cropping, bottom_cropping, target_height: two of them: rows cut off above and below, rows left.
        left_cropping, right_cropping, target_width: two of them, likewise.
        data_format: where the channels are.

    Raises:
        ArgumentError: not two of three, or more than there is.
    """
    x, back = batched(images, data_format)
    names = "top_cropping", "bottom_cropping", "target_height"
    top, bottom = _edges("crop", "height", names, top_cropping, bottom_cropping, target_height, x.shape[1])
    names = "left_cropping", "right_cropping", "target_width"
    left, right = _edges("crop", "width", names, left_cropping, right_cropping, target_width, x.shape[2])
    return back(x[:, top : x.shape[1] - bottom, left : x.shape[2] - right])


@op
def pad_images(
    images: Any, top_padding: int | None = None, left_padding: int | None = None, bottom_padding: int | None = None,
    right_padding: int | None = None, target_height: int | None = None, target_width: int | None = None,
    data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images with rows and columns of zeros around them.

    Args:
        images: (height, width, channels) or a batch, any dtype.
        top_padding, bottom_padding, target_height: two of them: rows added above and below, rows in the end.
        left_padding, right_padding, target_width: two of them, likewise.
        data_format: where the channels are.

    Raises:
        ArgumentError: not two of three, or a target smaller than the image.
    """
    x, back = batched(images, data_format)
    names = "top_padding", "bottom_padding", "target_height"
    rows = _edges("pad", "height", names, top_padding, bottom_padding, target_height, x.shape[1])
    names = "left_padding", "right_padding", "target_width"
    columns = _edges("pad", "width", names, left_padding, right_padding, target_width, x.shape[2])
    return back(jnp.pad(x, ((0, 0), rows, columns, (0, 0))))
