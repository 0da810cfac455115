"""Boxes, masks and galleries: what is drawn lies where it should, in the given colours."""

from __future__ import annotations

import keras
import matplotlib as mpl
import numpy as np
import pytest

from ranvier import visualization
from ranvier.core.errors import ArgumentError, ArgumentTypeError, ShapeError

mpl.use("Agg")
BLACK = np.zeros((1, 40, 50, 3), "uint8")
BOXES = {"boxes": np.array([[[10, 15, 30, 32], [0, 0, 5, 5]]], "float32"), "labels": np.array([[1, -1]])}
MASKS = np.array([[[0, 1, 1], [2, 1, -1]]])
COLORS = {0: (0, 0, 0), 1: (255, 0, 0), 2: (0, 255, 0)}


def test_boxes_are_outlines_in_their_colour():
    drawn = visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy", color=(255, 1, 2), line_thickness=1)
    rows, columns = np.nonzero(drawn[0].any(-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 32, 10, 30)
    assert drawn[0, 20, 10].tolist() == [255, 1, 2]
    assert not drawn[0, 16:32, 11:30].any()
    assert len(rows) == 2 * 21 + 2 * 18 - 4
    assert not BLACK.any()
    first = visualization.draw_bounding_boxes(
        np.moveaxis(BLACK, -1, 1), BOXES, "xyxy", color=(255, 1, 2), line_thickness=1, data_format="channels_first"
    )
    np.testing.assert_array_equal(first, drawn)


def test_class_names_are_written():
    plain = visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy")
    named = visualization.draw_bounding_boxes(BLACK, BOXES | {"confidence": np.ones((1, 2))}, "xyxy", {1: "cat"})
    assert (named != plain).sum() > 30
    np.testing.assert_array_equal(visualization.draw_bounding_boxes(BLACK, BOXES, "xyxy", {7: "dog"}), plain)


def test_masks_as_in_keras():
    images = np.full((1, 2, 3, 3), 100, "uint8")
    for options in ({}, {"alpha": 0.5}, {"ignore_index": 1}, {"blend": False}):
        given = {"num_classes": 3, "color_mapping": COLORS, **options}
        expected = np.asarray(keras.visualization.draw_segmentation_masks(images, MASKS[..., None], **given))
        found = visualization.draw_segmentation_masks(images, MASKS[..., None], **given)
        assert found.dtype == "uint8"
        np.testing.assert_allclose(found.astype("float32"), expected.astype("float32"), atol=1)
        np.testing.assert_array_equal(visualization.draw_segmentation_masks(images, MASKS, **given), found)


def test_default_colours_tell_classes_apart():
    drawn = visualization.draw_segmentation_masks(np.zeros((1, 1, 20, 3)), np.arange(20)[None, None], blend=False)
    assert len({tuple(c) for c in drawn[0, 0].tolist()}) == 20


def test_galleries(tmp_path):
    images = np.random.default_rng(0).uniform(0, 1, (5, 8, 9, 3))
    figure = visualization.plot_image_gallery(
        images, np.arange(5), np.arange(5), {0: "zero"}, value_range=(0, 1), show=False, path=tmp_path / "gallery.png"
    )
    assert len(figure.axes) == 6
    assert figure.axes[0].get_title() == "true: zero\npredicted: zero"
    assert (tmp_path / "gallery.png").stat().st_size > 0
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), np.round(images[1] * 255).astype("uint8"))
    boxes = visualization.plot_bounding_box_gallery(BLACK, "xyxy", BOXES, BOXES, legend=True, show=False)
    assert [t.get_text() for t in boxes.legends[0].get_texts()] == ["true", "predicted"]
    masks = visualization.plot_segmentation_mask_gallery(
        np.zeros((1, 2, 3, 3)), 3, y_true=MASKS, y_pred=MASKS, color_mapping=COLORS, show=False
    )
    assert len(masks.axes) == 3
    assert np.asarray(masks.axes[1].images[0].get_array())[0, 1].tolist() == [204, 0, 0]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda v: v.draw_bounding_boxes(BLACK[0], BOXES, "xyxy"), ShapeError),
        (lambda v: v.draw_bounding_boxes(BLACK, BOXES["boxes"], "xyxy"), ArgumentTypeError),
        (lambda v: v.draw_bounding_boxes(BLACK, {"boxes": BOXES["boxes"]}, "xyxy"), ArgumentError),
        (lambda v: v.draw_segmentation_masks(BLACK, MASKS), ShapeError),
        (lambda v: v.draw_segmentation_masks(BLACK, BLACK[..., 0], alpha=2), ArgumentError),
        (lambda v: v.plot_image_gallery(BLACK, path="x.png", show=True), ArgumentError),
        (lambda v: v.plot_image_gallery(BLACK, value_range=(1, 0)), ArgumentError),
    ],
)
def test_refusals(call, error):
    with pytest.raises(error):
        call(visualization)
