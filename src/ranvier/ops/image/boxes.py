"""Bounding boxes: their spellings, how much they overlap, and what becomes of them when images move.

Formats name the order of a box's four numbers: ``"xyxy"`` and ``"yxyx"`` (first corner, last corner), ``"xywh"`` (first
corner, size), ``"center_xywh"`` and ``"center_yxhw"`` (centre, size); with ``rel_`` before, parts of the image's size.
Boxes are (..., boxes, 4), alone or in a dict with ``"boxes"`` and ``"labels"``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from ...core.errors import ArgumentError, ShapeError
from ..symbolic import op
from ..tensors import as_array, as_float

__all__ = [
    "affine_transform", "clip_to_image_size", "compute_ciou", "compute_iou", "convert_format", "crop",
    "decode_deltas_to_boxes", "encode_box_to_deltas", "pad",
]  # fmt: skip

_FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip
_CENTRES = ("center_xywh", "center_yxhw")


def _to_corners(boxes: Any, source: str) -> Any:
    """(x1, y1, x2, y2), still in the source's units."""
    a, b, c, d = (boxes[..., i] for i in range(4))
    kind = source.removeprefix("rel_")
    if kind == "center_yxhw":
        a, b, c, d = b, a, d, c
    corners = {
        "xyxy": lambda: (a, b, c, d),
        "yxyx": lambda: (b, a, d, c),
        "xywh": lambda: (a, b, a + c, b + d),
    }.get(kind, lambda: (a - c / 2, b - d / 2, a + c / 2, b + d / 2))
    return jnp.stack(corners(), axis=-1)


def _from_corners(boxes: Any, target: str) -> Any:
    a, b, c, d = (boxes[..., i] for i in range(4))
    kind = target.removeprefix("rel_")
    spelled = {
        "xyxy": lambda: (a, b, c, d),
        "yxyx": lambda: (b, a, d, c),
        "xywh": lambda: (a, b, c - a, d - b),
        "center_xywh": lambda: ((a + c) / 2, (b + d) / 2, c - a, d - b),
        "center_yxhw": lambda: ((b + d) / 2, (a + c) / 2, d - b, c - a),
    }[kind]
    return jnp.stack(spelled(), axis=-1)


def _array(boxes: Any) -> Any:
    boxes = as_array(boxes)
    if boxes.ndim < 1 or boxes.shape[-1] != 4:
        raise ShapeError(f"boxes must have a last axis of 4. Received: shape {tuple(boxes.shape)}")
    return boxes


def _on_boxes(boxes: Any, function: Callable[[Any], Any]) -> Any:
    return {**boxes, "boxes": function(boxes["boxes"])} if isinstance(boxes, dict) else function(boxes)


@op
def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Boxes in another format.

    Args:
        boxes: (..., 4), or a dict that holds them.
        source, target: formats, see the module's text.
        height, width: the images' size, in pixels; needed between ``rel_`` formats and others.
        dtype: the result's.

    Raises:
        ArgumentError: an unknown format, or a missing size.

    >>> import numpy as np
    >>> convert_format(np.array([[1.0, 2.0, 4.0, 6.0]]), "xyxy", "xywh").tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """
    source, target = (str(f).lower() for f in (source, target))
    if source not in _FORMATS or target not in _FORMATS:
        raise ArgumentError(f"Formats are {', '.join(_FORMATS)}. Received: source={source!r}, target={target!r}")
    from_parts, to_parts = source.startswith("rel_"), target.startswith("rel_")
    if from_parts != to_parts and (height is None or width is None):
        raise ArgumentError(
            f"Converting {source} to {target} needs the images' height and width. Received: height={height}, width={width}"
        )

    def convert(value: Any) -> Any:
        x = _array(value).astype(dtype)
        if source == target:
            return x
        x = _to_corners(x, source)
        if from_parts != to_parts:
            size = jnp.stack([jnp.asarray(s, x.dtype) for s in (width, height, width, height)], axis=-1)
            x = x * size if from_parts else x / size
        return _from_corners(x, target)

    return _on_boxes(boxes, convert)


def _as_pixels(boxes: Any, bounding_box_format: str, height: Any, width: Any, function: Callable[[Any], Any]) -> Any:
    """`function` of boxes as ``"xyxy"`` in pixels, its result in their own format and dtype."""

    def run(value: Any) -> Any:
        value = as_float(_array(value))
        corners = convert_format(value, bounding_box_format, "xyxy", height, width, value.dtype)
        return convert_format(function(corners), "xyxy", bounding_box_format, height, width, value.dtype)

    return _on_boxes(boxes, run)


@op
def clip_to_image_size(
    bounding_boxes: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """The parts of boxes inside their image; a box of which nothing is left gets the label −1.

    Args:
        bounding_boxes: a dict with ``"boxes"`` (..., boxes, 4) and ``"labels"`` (..., boxes), or boxes alone.
        height, width: the image's size; may be left out for ``rel_`` formats.
        bounding_box_format: see the module's text.
    """
    alone = not isinstance(bounding_boxes, dict)
    given = as_float(_array(bounding_boxes if alone else bounding_boxes["boxes"]))
    parts = bounding_box_format.startswith("rel_")
    if not parts and (height is None or width is None):
        raise ArgumentError(
            f"Boxes in pixels need the images' height and width. Received: height={height}, width={width}"
        )
    frame = "rel_xyxy" if parts else "xyxy"
    high = jnp.asarray([1.0, 1.0, 1.0, 1.0] if parts else [width, height, width, height], given.dtype)
    corners = jnp.clip(convert_format(given, bounding_box_format, frame, dtype=given.dtype), 0, high)
    empty = (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1]) <= 0
    boxes = convert_format(corners, frame, bounding_box_format, dtype=given.dtype)
    if alone:
        return boxes
    labels = as_array(bounding_boxes["labels"])
    return {**bounding_boxes, "boxes": boxes, "labels": jnp.where(empty, jnp.asarray(-1, labels.dtype), labels)}


@op
def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes as seen in a cut-out of their image, clipped to it.

    Args:
        boxes: (..., boxes, 4), or a dict that holds them; in pixels.
        top, left: where the cut-out begins; numbers, or one for each image.
        height, width: its size.
        bounding_box_format: see the module's text, without the ``rel_`` formats.
    """
    _check_pixels(bounding_box_format)

    def cut(corners: Any) -> Any:
        high = jnp.asarray([width, height, width, height], corners.dtype)
        return jnp.clip(corners - _shift(left, top, corners), 0, high)

    return _as_pixels(boxes, bounding_box_format, None, None, cut)


@op
def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes as seen after their image was padded.

    Args:
        boxes: (..., boxes, 4), or a dict that holds them; in pixels.
        top, left: how many rows and columns were added before; numbers, or one for each image.
        height, width: the padded size, which changes nothing for boxes in pixels.
        bounding_box_format: see the module's text, without the ``rel_`` formats.
    """
    _check_pixels(bounding_box_format)
    return _as_pixels(boxes, bounding_box_format, None, None, lambda corners: corners + _shift(left, top, corners))


def _check_pixels(bounding_box_format: str) -> None:
    if str(bounding_box_format).startswith("rel_"):
        raise ArgumentError(
            f"Boxes must be in pixels here; convert_format does that. Received: bounding_box_format={bounding_box_format!r}"
        )


def _shift(x: Any, y: Any, like: Any) -> Any:
    x, y = (jnp.asarray(v, like.dtype) for v in (x, y))
    step = jnp.stack(jnp.broadcast_arrays(x, y, x, y), axis=-1)
    return step[..., None, :] if step.ndim > 1 else step


@op
def affine_transform(
    boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any, shear_y: Any, height: Any,
    width: Any, center_x: Any = None, center_y: Any = None, bounding_box_format: str = "xyxy",
) -> Any:  # fmt: skip
    """The upright boxes around boxes that were moved, scaled, turned and sheared.

    Args:
        boxes: (batch, boxes, 4), or a dict that holds them.
        angle: by how many degrees images turn, counterclockwise; like all that follow a number or one for each image.
        translate_x, translate_y: how far they move, in parts of width − 1 and height − 1.
        scale: how many times larger they become.
        shear_x, shear_y: by how many degrees they lean.
        height, width: the images' size in pixels.
        center_x, center_y: what stays in place, in parts of width − 1 and height − 1; None: the middle.
        bounding_box_format: see the module's text.
    """
    turn, lean_x, lean_y = (jnp.deg2rad(jnp.asarray(v, jnp.float32)) for v in (angle, shear_x, shear_y))
    along = jnp.cos(turn - lean_y) / jnp.cos(lean_y)
    across = jnp.sin(turn - lean_y) / jnp.cos(lean_y)
    # Rows of the linear map: x ← xx·x + xy·y, y ← −across·x + along·y.
    xx, xy = across * jnp.tan(lean_x) + jnp.cos(turn), along * jnp.tan(lean_x) + jnp.sin(turn)
    size_x, size_y = jnp.asarray(width, jnp.float32) - 1, jnp.asarray(height, jnp.float32) - 1
    middle_x = size_x * (0.5 if center_x is None else jnp.asarray(center_x, jnp.float32))
    middle_y = size_y * (0.5 if center_y is None else jnp.asarray(center_y, jnp.float32))
    moved_x = size_x * jnp.asarray(translate_x, jnp.float32) - middle_x
    moved_y = size_y * jnp.asarray(translate_y, jnp.float32) - middle_y
    scale = jnp.asarray(scale, jnp.float32)

    def column(v: Any) -> Any:
        return jnp.reshape(v, (-1, 1, 1)) if jnp.ndim(v) else v

    def run(corners: Any) -> Any:
        x, y = corners_of(corners)
        x, y = x + column(moved_x), y + column(moved_y)
        return around(
            column(scale) * (column(xx) * x + column(xy) * y) + column(middle_x),
            column(scale) * (-column(across) * x + column(along) * y) + column(middle_y),
        ).astype(corners.dtype)

    return _as_pixels(boxes, bounding_box_format, height, width, run)


def corners_of(boxes: Any) -> tuple[Any, Any]:
    """The x and y of the four corners of ``"xyxy"`` boxes, (..., 4) each."""
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    return jnp.stack([x1, x2, x2, x1], axis=-1), jnp.stack([y1, y1, y2, y2], axis=-1)


def around(x: Any, y: Any) -> Any:
    """The ``"xyxy"`` boxes around points, given their x and y, (..., points) each."""
    return jnp.stack([x.min(-1), y.min(-1), x.max(-1), y.max(-1)], axis=-1)


def _overlaps(a: Any, b: Any) -> tuple[Any, Any]:
    """The areas that boxes share and that they cover together; ``"xyxy"``, shapes that broadcast."""
    size = jnp.maximum(jnp.minimum(a[..., 2:], b[..., 2:]) - jnp.maximum(a[..., :2], b[..., :2]), 0)
    shared = size[..., 0] * size[..., 1]
    area_a, area_b = ((c[..., 2] - c[..., 0]) * (c[..., 3] - c[..., 1]) for c in (a, b))
    return shared, area_a + area_b - shared


def _two(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any) -> tuple[Any, Any]:
    height = width = None
    if bounding_box_format.startswith("rel_"):
        if image_shape is None:
            raise ArgumentError(f"{bounding_box_format} boxes need image_shape=(height, width, channels).")
        height, width = image_shape[:2]
    a, b = (convert_format(boxes, bounding_box_format, "xyxy", height, width) for boxes in (boxes1, boxes2))
    return a, b


@op
def compute_iou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False, mask_val: Any = -1,
    image_shape: Any = None,
) -> Any:  # fmt: skip
    """The area that boxes share over the area that they cover together, for all pairs.

    Args:
        boxes1: (..., n, 4).
        boxes2: (..., m, 4).
        bounding_box_format: see the module's text.
        use_masking: whether pairs with a box of negative numbers, which stands for no box, get `mask_val`.
        mask_val: their value.
        image_shape: (height, width, channels), for ``rel_`` formats.

    Returns:
        (..., n, m), from 0 to 1.

    >>> import numpy as np
    >>> compute_iou(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 3, 2.0]]), "xyxy").round(3).tolist()
    [[0.3330000042915344]]
    """
    a, b = _two(boxes1, boxes2, bounding_box_format, image_shape)
    shared, covered = _overlaps(a[..., :, None, :], b[..., None, :, :])
    iou = jnp.where(covered > 0, shared / jnp.where(covered > 0, covered, 1), 0)
    if use_masking:
        missing = (a < 0).all(-1)[..., :, None] | (b < 0).all(-1)[..., None, :]
        iou = jnp.where(missing, jnp.asarray(mask_val, iou.dtype), iou)
    return iou


@op
def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Any:
    r"""The complete IoU of boxes in pairs: Zheng et al., 2020, *Distance-IoU Loss*, equations 8 to 11.

    .. math:: \text{IoU} - \frac{\rho^2}{c^2} - \alpha v, \quad
        v = \frac{4}{\pi^2} \left(\arctan\frac{w_2}{h_2} - \arctan\frac{w_1}{h_1}\right)^2,
        \quad \alpha = \frac{v}{1 - \text{IoU} + v}

    with ρ the distance of the centres and c the diagonal of the box around both.

    Args:
        boxes1, boxes2: (..., n, 4), pair by pair.
        bounding_box_format: see the module's text.
        image_shape: (height, width, channels), for ``rel_`` formats.

    Returns:
        (..., n), at most 1.
    """
    a, b = _two(boxes1, boxes2, bounding_box_format, image_shape)
    tiny = 1e-7
    shared, covered = _overlaps(a, b)
    iou = shared / (covered + tiny)
    frame = jnp.maximum(a[..., 2:], b[..., 2:]) - jnp.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    sizes = [c[..., 2:] - c[..., :2] for c in (a, b)]
    shapes = [jnp.arctan(s[..., 0] / (s[..., 1] + tiny)) for s in sizes]
    v = 4 / math.pi**2 * (shapes[1] - shapes[0]) ** 2
    alpha = v / (1 - iou + v + tiny)
    return iou - jnp.sum(apart**2, -1) / (jnp.sum(frame**2, -1) + tiny) - alpha * v


def _coded(name: str, coding: str, variance: Any) -> Any:
    if coding not in _CENTRES:
        raise ArgumentError(f"{name} must be 'center_xywh' or 'center_yxhw'. Received: {name}={coding!r}")
    if variance is None:
        return jnp.ones(4, jnp.float32)
    if len(variance) != 4:
        raise ArgumentError(f"variance must hold 4 numbers. Received: variance={variance!r}")
    return jnp.asarray(variance, jnp.float32)


def _size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else tuple(image_shape[:2])


@op
def encode_box_to_deltas(
    anchors: Any, boxes: Any, anchor_format: str, box_format: str, encoding_format: str = "center_yxhw",
    variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """How boxes differ from anchors: Girshick et al., 2014, *Rich Feature Hierarchies*, appendix C.

    Args:
        anchors: (n, 4), or a dict of such, taken together.
        boxes: (..., n, 4).
        anchor_format, box_format: their formats, see the module's text.
        encoding_format: the order of the result: ``"center_yxhw"`` or ``"center_xywh"``.
        variance: four numbers that the result is divided by.
        image_shape: (height, width, channels), for ``rel_`` formats.

    Returns:
        (..., n, 4): the centres' distance in the anchors' sizes, and the logarithms of the sizes' ratios.
    """
    spread = _coded("encoding_format", encoding_format, variance)
    if isinstance(anchors, dict):
        anchors = jnp.concatenate([as_array(v) for v in anchors.values()], axis=0)
    a = convert_format(anchors, anchor_format, encoding_format, *_size(image_shape))
    b = convert_format(boxes, box_format, encoding_format, *_size(image_shape))
    moved = (b[..., :2] - a[..., :2]) / a[..., 2:]
    return jnp.concatenate([moved, jnp.log(b[..., 2:] / a[..., 2:])], axis=-1) / spread


@op
def decode_deltas_to_boxes(
    anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str, encoded_format: str = "center_yxhw",
    variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """The boxes that differ from anchors by `boxes_delta`: the inverse of `encode_box_to_deltas`.

    Args:
        anchors: (n, 4), or a dict of such.
        boxes_delta: (..., n, 4), or a dict of such with the anchors' keys.
        anchor_format, box_format: formats of the anchors and of the result.
        encoded_format: the order of `boxes_delta`: ``"center_yxhw"`` or ``"center_xywh"``.
        variance: four numbers that `boxes_delta` is multiplied by.
        image_shape: (height, width, channels), for ``rel_`` formats.

    Returns:
        (..., n, 4), or a dict of such.
    """
    spread = _coded("encoded_format", encoded_format, variance)
    size = _size(image_shape)

    def decode(anchor: Any, delta: Any) -> Any:
        a = convert_format(anchor, anchor_format, encoded_format, *size)
        d = as_float(delta) * spread
        found = jnp.concatenate([d[..., :2] * a[..., 2:] + a[..., :2], jnp.exp(d[..., 2:]) * a[..., 2:]], axis=-1)
        return convert_format(found, encoded_format, box_format, *size)

    if isinstance(boxes_delta, dict):
        return {key: decode(anchors[key], delta) for key, delta in boxes_delta.items()}
    return decode(anchors, boxes_delta)
