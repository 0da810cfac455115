"""Boxes and masks drawn into images, as NumPy arrays."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, ShapeError
from ..core.settings import standardize_data_format
from ..ops.image.boxes import convert_format

__all__ = ["channels_last", "class_colors", "draw_bounding_boxes", "draw_segmentation_masks"]


def channels_last(images: Any, data_format: str | None) -> np.ndarray:
    """A batch of images as a NumPy array, (batch, height, width, channels)."""
    x = np.asarray(images)
    if x.ndim != 4:
        raise ShapeError(f"images must be a batch, (batch, height, width, channels). Received: shape {x.shape}")
    return np.moveaxis(x, 1, -1) if standardize_data_format(data_format) == "channels_first" else x


def class_colors(count: int) -> np.ndarray:
    """(count, 3) bytes: black for class 0, then hues a golden section of the circle apart."""
    hues = [colorsys.hsv_to_rgb(0.38197 * i % 1, 0.85, 0.95) for i in range(max(count - 1, 0))]
    colors = np.array([(0.0, 0.0, 0.0), *hues][:count]).reshape(-1, 3)
    return np.round(colors * 255).astype("uint8")


def draw_bounding_boxes(
    images: Any, bounding_boxes: Any, bounding_box_format: str, class_mapping: Mapping[int, str] | None = None,
    color: Any = (128, 128, 128), line_thickness: int = 2, text_thickness: int = 1, font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:  # fmt: skip
    """Images with the outlines of boxes and the names of their classes. Names need Pillow.

    Args:
        images: (batch, height, width, channels), from 0 to 255.
        bounding_boxes: a dict with ``"boxes"`` (batch, boxes, 4), ``"labels"`` (batch, boxes; −1: no box) and perhaps
            ``"confidence"``, written after the class.
        bounding_box_format: how boxes are written, such as ``"xyxy"``.
        class_mapping: names of the classes; None: no names.
        color: the lines' red, green and blue, from 0 to 255.
        line_thickness: in pixels.
        text_thickness: the strokes of letters, in pixels.
        font_scale: letters of about 10 pixels times this.
        data_format: where the channels of `images` are.

    Returns:
        Bytes, (batch, height, width, channels).

    Raises:
        ArgumentTypeError: `bounding_boxes` is not a dict.
        ArgumentError: boxes or labels are missing.
    """
    pictures = np.clip(channels_last(images, data_format), 0, 255).astype("uint8").copy()
    if not isinstance(bounding_boxes, Mapping):
        raise ArgumentTypeError(
            f"bounding_boxes must be a dict with 'boxes' and 'labels'. Received: {type(bounding_boxes).__name__}"
        )
    if not {"boxes", "labels"} <= set(bounding_boxes):
        raise ArgumentError(f"bounding_boxes must hold 'boxes' and 'labels'. Received: keys {list(bounding_boxes)}")
    height, width = pictures.shape[1:3]
    boxes = np.asarray(convert_format(np.asarray(bounding_boxes["boxes"]), bounding_box_format, "xyxy", height, width))
    labels = np.asarray(bounding_boxes["labels"])
    confidence = bounding_boxes.get("confidence")
    for index, picture in enumerate(pictures):
        for number, (box, label) in enumerate(zip(boxes[index], labels[index], strict=True)):
            if label == -1:
                continue
            x1, y1, x2, y2 = (int(v) for v in np.round(box))
            _outline(picture, (x1, y1, x2, y2), color, line_thickness)
            name = None if class_mapping is None else class_mapping.get(int(label))
            if name is not None:
                sure = "" if confidence is None else f" {float(np.asarray(confidence)[index, number]):.2f}"
                picture[:] = _written(picture, f"{name}{sure}", (x1, y1), color, text_thickness, font_scale)
    return pictures


def _outline(picture: np.ndarray, box: tuple[int, int, int, int], color: Any, thickness: int) -> None:
    """Draw the sides of a box, `thickness` pixels wide around its lines, into `picture`."""
    height, width, channels = picture.shape
    before, after = thickness // 2, (thickness + 1) // 2
    x1, y1, x2, y2 = box
    paint = np.asarray(color, "uint8")[:channels]

    def fill(left: int, top: int, right: int, bottom: int) -> None:
        rows = slice(max(top - before, 0), max(min(bottom + after, height), 0))
        picture[rows, max(left - before, 0) : max(min(right + after, width), 0)] = paint

    for sides in ((x1, y1, x2, y1), (x1, y2, x2, y2), (x1, y1, x1, y2), (x2, y1, x2, y2)):
        fill(*sides)


def _written(
    picture: np.ndarray, text: str, corner: tuple[int, int], color: Any, thickness: int, scale: float
) -> np.ndarray:
    """`picture` with `text` on a strip of `color` above the corner, or below it at the top of the image."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise MissingDependencyError("pillow", "Writing class names into images", "plot") from None
    gray = picture.shape[-1] == 1
    canvas = Image.fromarray(np.repeat(picture, 3, axis=-1) if gray else picture)
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=max(10.0 * scale, 4.0))
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    x, y = corner
    y = y - (bottom - top) - 4 if y - (bottom - top) - 4 >= 0 else y
    pen.rectangle((x, y, x + right - left + 4, y + bottom - top + 4), fill=tuple(int(c) for c in color[:3]))
    dark = sum(color[:3]) > 3 * 127
    ink = (0, 0, 0) if dark else (255, 255, 255)
    pen.text((x + 2 - left, y + 2 - top), text, fill=ink, font=font, stroke_width=max(thickness - 1, 0))
    drawn = np.asarray(canvas)
    return drawn[..., :1] if gray else drawn


def draw_segmentation_masks(
    images: Any, segmentation_masks: Any, num_classes: int | None = None, color_mapping: Mapping[int, Any] | None = None,
    alpha: float = 0.8, blend: bool = True, ignore_index: int = -1, data_format: str | None = None,
) -> np.ndarray:  # fmt: skip
    """Images with the classes of their pixels painted over them.

    Args:
        images: (batch, height, width, 3), from 0 to 255.
        segmentation_masks: whole numbers, (batch, height, width) or with an axis of 1 behind.
        num_classes: how many classes there are; None: one more than the largest found.
        color_mapping: the red, green and blue of each class, from 0 to 255; None: black and hues.
        alpha: how far the paint covers the image, from 0 to 1.
        blend: whether the image shines through at all.
        ignore_index: the class that is not painted.
        data_format: where the channels of `images` are.

    Returns:
        Bytes, (batch, height, width, 3).

    >>> import numpy as np
    >>> draw_segmentation_masks(np.full((1, 1, 2, 3), 100), np.array([[[0, -1]]]), 1)[0, 0].tolist()
    [[20, 20, 20], [100, 100, 100]]
    """
    if not 0 <= alpha <= 1:
        raise ArgumentError(f"alpha must be from 0 to 1. Received: alpha={alpha!r}")
    pictures = channels_last(images, data_format).astype("float32")
    masks = np.asarray(segmentation_masks)
    if masks.ndim == 4:
        first = standardize_data_format(data_format) == "channels_first" and masks.shape[1] == 1
        masks = masks[:, 0] if first else masks[..., 0]
    masks = masks.astype("int64")
    if masks.shape != pictures.shape[:3]:
        raise ShapeError(f"segmentation_masks must be {pictures.shape[:3]} like the images. Received: {masks.shape}")
    count = int(masks.max(initial=-1)) + 1 if num_classes is None else int(num_classes)
    colors = class_colors(count).astype("float32")
    for index, color in (color_mapping or {}).items():
        if 0 <= index < count:
            colors[index] = color
    painted = (masks != ignore_index) & (masks >= 0) & (masks < count)
    paint = colors[np.where(painted, masks, 0)] if count else pictures
    covered = pictures * (1 - alpha) + paint * alpha if blend else paint
    return np.clip(np.where(painted[..., None], covered, pictures), 0, 255).astype("uint8")
