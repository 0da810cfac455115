"""`utils.bounding_boxes` is Keras's, in the formats that Keras supports; the others agree with those."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.utils import bounding_boxes as ours

theirs = keras.utils.bounding_boxes
FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip
BOXES = np.array(
    [[[1, 2, 6, 5], [0, 0, 9, 7], [-2, -1, 12, 9]], [[3, 1, 4, 4], [2, 2, 3, 6], [11, 2, 15, 5]]], "float32"
)
LABELS = np.array([[1, 2, 3], [4, 5, 6]], "int32")
ANCHORS = np.array([[1, 1, 5, 6], [2, 3, 8, 9]], "float32")
FOUND = np.array([[2, 1, 4, 7], [1, 3, 9, 8]], "float32")


def close(a, b, tolerance=1e-5):
    if isinstance(b, dict):
        assert set(a) == set(b)
        for key in b:
            close(a[key], b[key], tolerance)
    else:
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("form", FORMATS)
def test_formats_there_and_back(form):
    spelled = theirs.convert_format(BOXES, "xyxy", form, 8, 10)
    close(ours.convert_format(BOXES, "xyxy", form, 8, 10), spelled)
    close(ours.convert_format(np.asarray(spelled), form, "xyxy", 8, 10), BOXES, 1e-4)


def test_convert_format_of_dicts_and_dtypes():
    data = {"boxes": BOXES[0], "labels": LABELS[0]}
    close(ours.convert_format(data, "xyxy", "xywh"), theirs.convert_format(data, "xyxy", "xywh"))
    assert ours.convert_format(BOXES, "xyxy", "xywh", dtype="float16").dtype == "float16"


def test_clip():
    data = {"boxes": BOXES, "labels": LABELS}
    close(ours.clip_to_image_size(data, 8, 10), theirs.clip_to_image_size(data, 8, 10))
    parts = {"boxes": BOXES / 8, "labels": LABELS}
    close(
        ours.clip_to_image_size(parts, bounding_box_format="rel_xyxy"),
        theirs.clip_to_image_size(parts, bounding_box_format="rel_xyxy"),
    )
    alone = ours.clip_to_image_size(ours.convert_format(BOXES, "xyxy", "xywh"), 8, 10, "xywh")
    close(ours.convert_format(alone, "xywh", "xyxy"), theirs.clip_to_image_size(data, 8, 10)["boxes"])


def test_crop_and_pad():
    close(ours.crop(BOXES, 1, 2, 4, 5), theirs.crop(BOXES, 1, 2, 4, 5))
    close(ours.pad(BOXES, 1, 2), theirs.pad(BOXES, 1, 2))
    moved = ours.pad(BOXES, np.array([1, 2]), np.array([3, 4]))
    close(moved, BOXES + np.array([[[3, 1, 3, 1]], [[4, 2, 4, 2]]], "float32"))


@pytest.mark.parametrize(
    "numbers",
    [
        (30.0, 0, 0, 1, 0, 0),
        (0, 0.2, 0.3, 1, 0, 0),
        (0, 0, 0, 2.0, 0, 0),
        (0, 0, 0, 1, 20, 0),
        (20, 0.1, 0.2, 1.5, 10, 5),
    ],
)
def test_affine(numbers):
    values = [np.array([v, v / 2], "float32") for v in numbers]
    for centre in ({}, {"center_x": 0.2, "center_y": 0.1}):
        close(
            ours.affine_transform(BOXES, *values, 8, 10, **centre),
            theirs.affine_transform(BOXES, *values, 8, 10, **centre),
            1e-4,
        )


def test_overlaps():
    a, b = BOXES[0], np.array([[2, 2, 5, 6], [-1, -1, -1, -1]], "float32")
    for form in ("xyxy", "xywh"):
        close(ours.compute_iou(a, b, form), theirs.compute_iou(a, b, form))
        masked = {"use_masking": True, "mask_val": -3}
        close(ours.compute_iou(a, b, form, **masked), theirs.compute_iou(a, b, form, **masked))
        close(ours.compute_ciou(a, a[::-1], form), theirs.compute_ciou(a, a[::-1], form), 1e-4)
    shape = (8, 10, 3)
    close(
        ours.compute_iou(a / 9, b / 9, "rel_xyxy", image_shape=shape),
        theirs.compute_iou(a / 9, b / 9, "rel_xyxy", image_shape=shape),
    )
    assert ours.compute_iou(BOXES, BOXES, "xyxy").shape == (2, 3, 3)


@pytest.mark.parametrize("coding", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.2, 0.3, 0.4]])
def test_deltas_there_and_back(coding, variance):
    given = {"encoding_format": coding, "variance": variance}
    deltas = ours.encode_box_to_deltas(ANCHORS, FOUND, "xyxy", "xyxy", **given)
    close(deltas, theirs.encode_box_to_deltas(ANCHORS, FOUND, "xyxy", "xyxy", **given))
    back = {"encoded_format": coding, "variance": variance}
    close(ours.decode_deltas_to_boxes(ANCHORS, deltas, "xyxy", "xyxy", **back), FOUND)
    levels = ours.decode_deltas_to_boxes({"a": ANCHORS}, {"a": deltas}, "xyxy", "xywh", **back)
    close(levels["a"], theirs.decode_deltas_to_boxes(ANCHORS, deltas, "xyxy", "xywh", **back))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: ours.convert_format(BOXES, "xyxy", "corners"), ArgumentError),
        (lambda: ours.convert_format(BOXES, "rel_xyxy", "xyxy"), ArgumentError),
        (lambda: ours.convert_format(BOXES[..., :3], "xyxy", "xywh"), ShapeError),
        (lambda: ours.clip_to_image_size(BOXES), ArgumentError),
        (lambda: ours.compute_iou(BOXES, BOXES, "rel_xyxy"), ArgumentError),
        (lambda: ours.crop(BOXES, 0, 0, 1, 1, "rel_xyxy"), ArgumentError),
        (lambda: ours.encode_box_to_deltas(ANCHORS, FOUND, "xyxy", "xyxy", "xyxy"), ArgumentError),
        (lambda: ours.encode_box_to_deltas(ANCHORS, FOUND, "xyxy", "xyxy", variance=[1.0]), ArgumentError),
    ],
)
def test_refusals(call, error):
    with pytest.raises(error):
        call()
