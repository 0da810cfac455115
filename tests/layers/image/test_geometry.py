"""Layers of image geometry: a given transformation does what it does in Keras, and random ones keep their laws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import Input, Sequential, layers
from ranvier.core.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 8, 10, 3)).astype("float32")
MASKS = RNG.integers(0, 5, (2, 8, 10, 1)).astype("uint8")
BOXES = {
    "boxes": np.array([[[1, 2, 6, 5], [0, 0, 9, 7]], [[3, 1, 4, 4], [2, 2, 8, 6]]], "float32"),
    "labels": np.array([[1, 2], [0, 3]], "int32"),
}
SHAPE = (2, 8, 10, 3)
TURN = np.deg2rad([20.0, -35.0])
COS, SIN = np.cos(TURN), np.sin(TURN)
MATRIX = np.stack([COS, -SIN, 4.5 - COS * 4.5 + SIN * 3.5, SIN, COS, 3.5 - SIN * 4.5 - COS * 3.5, 0 * COS, 0 * COS], -1)
CORNERS = np.array([[0, 0], [9, 0], [0, 7], [9, 7.0]]) * np.ones((2, 1, 1))
MOVED = CORNERS * RNG.uniform(0.8, 1.2, (2, 4, 2))

# Layer, arguments, and a transformation of two images of 8 × 10.
GIVEN = [
    ("RandomRotation", {"factor": 0.2}, {"angle": np.float32([20, -35]), "rotation_matrix": np.float32(MATRIX),
                                         "image_height": 8, "image_width": 10, "batch_size": 2}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.2, "fill_mode": "constant", "fill_value": 3.0},
     {"translations": np.float32([[1.3, -2.1], [-0.4, 0.7]]), "input_shape": SHAPE}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.2, "fill_mode": "wrap", "interpolation": "nearest"},
     {"translations": np.float32([[1.3, -2.1], [-0.4, 0.7]]), "input_shape": SHAPE}),
    ("RandomZoom", {"height_factor": 0.4}, {"height_zoom": np.float32([[0.8], [1.3]]),
                                            "width_zoom": np.float32([[1.1], [0.6]]), "input_shape": SHAPE}),
    ("RandomShear", {"x_factor": 0.4}, {"shear_factor": np.float32([[0.2, 0.0], [-0.3, 0.0]]), "input_shape": SHAPE}),
    ("RandomFlip", {}, {"flips": np.array([True, False]).reshape(2, 1, 1, 1), "input_shape": SHAPE}),
    ("RandomFlip", {"mode": "vertical"}, {"flips": np.array([True, False]).reshape(2, 1, 1, 1), "input_shape": SHAPE}),
    ("RandomPerspective", {"scale": 0.4}, {"apply_perspective": np.array([True, False]), "input_shape": SHAPE,
                                           "start_points": np.float32(CORNERS), "end_points": np.float32(MOVED)}),
    ("Resizing", {"height": 4, "width": 5}, (8, 10)),
    ("Resizing", {"height": 12, "width": 5, "pad_to_aspect_ratio": True}, (8, 10)),
    ("CenterCrop", {"height": 4, "width": 5}, {"input_shape": SHAPE}),
    ("RandomCrop", {"height": 4, "width": 5}, (2, 3)),
    ("MaxNumBoundingBoxes", {"max_number": 3}, None),
    ("MaxNumBoundingBoxes", {"max_number": 1, "fill_value": 0}, None),
]  # fmt: skip

RANDOM = [
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": 0.2}),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0.3}),
    ("RandomZoom", {"height_factor": 0.3, "width_factor": 0.2}),
    ("RandomShear", {"x_factor": 0.3, "y_factor": 0.2}),
    ("RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.5}),
    ("RandomElasticTransform", {"factor": (1.0, 1.0), "scale": (0.5, 1.0), "value_range": (0, 1)}),
    ("RandomCrop", {"height": 4, "width": 5}),
]
name_of = lambda given: f"{given[0]}{sorted(given[1].items())}".replace(" ", "")  # noqa: E731


@pytest.mark.parametrize("given", GIVEN, ids=name_of)
def test_a_given_transformation_is_that_of_keras(given):
    name, arguments, transformation = given
    ours, theirs = (getattr(m, name)(**arguments, bounding_box_format="xyxy") for m in (layers, keras.layers))

    def run(layer):
        return (
            layer.transform_images(jnp.asarray(IMAGES), transformation, training=True),
            layer.transform_segmentation_masks(jnp.asarray(MASKS), transformation, training=True),
            layer.transform_bounding_boxes(jax.tree.map(jnp.asarray, BOXES), transformation, training=True),
        )

    found, expected = run(ours), run(theirs)
    if name == "RandomCrop":  # Keras lets boxes reach out of the window
        assert np.asarray(found[2]["boxes"]).max() <= 5
    if name in ("RandomCrop", "RandomShear"):  # Keras shears boxes by parts of the sides, but images by pixels
        found, expected = found[:2], expected[:2]
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("given", GIVEN, ids=name_of)
def test_channels_first_does_the_same(given):
    name, arguments, transformation = given
    if name == "MaxNumBoundingBoxes":
        return
    if isinstance(transformation, dict) and "input_shape" in transformation:
        transformation = transformation | {"input_shape": (2, 3, 8, 10)}
    last = getattr(layers, name)(**arguments)
    first = getattr(layers, name)(**arguments, data_format="channels_first")
    expected = last.transform_images(IMAGES, given[2])
    found = first.transform_images(np.moveaxis(IMAGES, -1, 1), transformation)
    np.testing.assert_allclose(np.moveaxis(np.asarray(found), 1, -1), expected, rtol=1e-6, atol=1e-6)


def test_boxes_are_sheared_as_images_are():
    image = np.zeros((1, 12, 12, 1), "float32")
    image[0, 3:6, 5:8] = 1
    layer = layers.RandomShear(0.5, bounding_box_format="xyxy")
    given = {"shear_factor": np.float32([[0.5, 0.0]]), "input_shape": image.shape}
    columns = np.nonzero(np.asarray(layer.transform_images(image, given))[0, :, :, 0].any(0))[0]
    boxes = {"boxes": np.float32([[[5, 3, 7, 5]]]), "labels": np.array([[1]])}
    x1, y1, x2, y2 = np.asarray(layer.transform_bounding_boxes(boxes, given)["boxes"])[0, 0]
    assert (x1, y1, x2, y2) == (2.5, 3, 5.5, 5)
    assert columns.min() in (2, 3)
    assert columns.max() in (5, 6)


@pytest.mark.parametrize("given", RANDOM, ids=name_of)
def test_each_image_and_each_step_has_its_own_numbers_and_inference_none(given):
    name, arguments = given
    layer = getattr(layers, name)(**arguments, seed=1)
    same = np.repeat(IMAGES[:1], 8, axis=0)
    first, second = (np.asarray(layer(same, training=True)) for _ in range(2))
    assert len({image.tobytes() for image in first}) > 1
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer(same, training=False), same)
    again = getattr(layers, name)(**arguments, seed=1)
    np.testing.assert_array_equal(again(same, training=True), first)
    alone = np.asarray(layer(same[0], training=True))
    assert alone.shape == first[0].shape


@pytest.mark.parametrize("given", RANDOM, ids=name_of)
def test_images_masks_and_boxes_move_together_inside_fit_and_outside(given):
    name, arguments = given
    boxes = name != "RandomElasticTransform"
    layer = getattr(layers, name)(**arguments, bounding_box_format="xyxy")
    data = {"images": IMAGES, "labels": np.array([1, 2]), "segmentation_masks": MASKS}
    found = layer(data | ({"bounding_boxes": BOXES} if boxes else {}), training=True)
    size = found["images"].shape[1:3]
    assert found["segmentation_masks"].shape == (2, *size, 1)
    assert np.asarray(found["labels"]).tolist() == [1, 2]
    assert set(np.unique(found["segmentation_masks"])) <= set(range(5))
    if boxes:
        assert found["bounding_boxes"]["boxes"].shape == (2, 2, 4)
        assert np.asarray(found["bounding_boxes"]["boxes"]).max() <= max(size)
    single = layer(jax.tree.map(lambda v: v[0], data), training=True)
    assert single["images"].shape == (*size, 3)


def test_a_model_trains_through_all_of_them():
    model = Sequential([
        Input((8, 10, 3)),
        *(getattr(layers, name)(**arguments) for name, arguments in RANDOM[:-1]),
        layers.Resizing(5, 6),
        layers.CenterCrop(4, 4),
        layers.Flatten(),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    images = np.repeat(IMAGES, 4, axis=0)
    losses = model.fit(images, np.ones((8, 1)), epochs=2, batch_size=4, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(model.predict(images, verbose=0), model.predict(images, verbose=0))


def drawn(layer, key, count=4000):
    return np.asarray(layer.get_random_transformation(np.zeros((count, 8, 10, 1), "float32"), training=True)[key])


def test_factors_fill_their_ranges_evenly():
    angle = drawn(layers.RandomRotation((-0.1, 0.3)), "angle")
    assert -36 <= angle.min() < -35
    assert 107 < angle.max() <= 108
    assert abs(angle.mean() - 36) < 2
    moves = drawn(layers.RandomTranslation((0.1, 0.3), 0.2), "translations")
    assert -2 <= moves[:, 0].min() < -1.9
    assert moves[:, 1].min() >= 0.8
    assert 2.3 < moves[:, 1].max() <= 2.4
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.1
    layer = layers.RandomZoom((-0.2, 0.4))
    assert 0.8 <= drawn(layer, "height_zoom").min() < 0.81
    assert 1.39 < drawn(layer, "width_zoom").max() <= 1.4
    both = layer.get_random_transformation(np.zeros((5, 8, 10, 1), "float32"))
    np.testing.assert_array_equal(both["height_zoom"], both["width_zoom"])
    shear = drawn(layers.RandomShear((0.1, 0.3), 0.2), "shear_factor")
    assert np.abs(shear[:, 0]).min() >= 0.1
    assert np.abs(shear[:, 0]).max() <= 0.3
    assert abs(shear[:, 0].mean()) < 0.02
    assert abs(drawn(layers.RandomFlip(), "flips").mean() - 0.5) < 0.04
    tilt = layers.RandomPerspective((0.2, 0.4), 0.3)
    assert abs(drawn(tilt, "apply_perspective").mean() - 0.3) < 0.04
    ends = drawn(tilt, "end_points")
    assert ends[:, 1, 0].min() >= 9 * 0.85
    assert 9 * 1.14 < ends[:, 1, 0].max() <= 9 * 1.15
    assert not ends[:, 0].any()
    starts = layers.RandomCrop(4, 5).get_random_transformation(np.zeros((4000, 8, 10, 1), "float32"))
    assert [sorted(set(np.asarray(s).tolist())) for s in starts] == [list(range(5)), list(range(6))]


def test_elastic_strength_as_in_keras():
    ours, theirs = layers.RandomElasticTransform(), keras.layers.RandomElasticTransform()
    for size in ((100, 80, 1.0), (50, 200, 0.5)):
        np.testing.assert_allclose(ours.get_elastic_transform_params(*size), theirs.get_elastic_transform_params(*size))


@pytest.mark.parametrize(("height", "width"), [(12, 5), (9, 12)])
def test_small_images_fill_the_window(height, width):
    for name in ("CenterCrop", "RandomCrop"):
        assert getattr(layers, name)(height, width)(IMAGES).shape == (2, height, width, 3)
    expected = keras.layers.CenterCrop(height, width)(IMAGES)
    np.testing.assert_allclose(layers.CenterCrop(height, width)(IMAGES), expected, rtol=1e-5, atol=1e-5)


def test_large_images_look_pixels_up_as_small_ones_multiply():
    images = RNG.random((1, 100, 4, 1)).astype("float32")
    given = {"translations": np.float32([[0.3, -1.7]]), "input_shape": images.shape}
    for mode in ("reflect", "wrap", "constant", "nearest"):
        layer = layers.RandomTranslation(0.1, 0.1, fill_mode=mode, fill_value=2.0)
        large = np.asarray(layer.transform_images(images, given))
        small = np.asarray(layer.transform_images(images[:, :60], given | {"input_shape": (1, 60, 4, 1)}))
        np.testing.assert_allclose(large[:, 3:50], small[:, 3:50], rtol=1e-5, atol=1e-5)


def test_dtypes_are_those_of_keras():
    bytes_ = (IMAGES * 255).astype("uint8")
    for name, arguments in [
        *RANDOM,
        ("Resizing", {"height": 3, "width": 4}),
        ("CenterCrop", {"height": 3, "width": 4}),
    ]:
        ours = getattr(layers, name)(**arguments)
        symbolic = ours(Input(IMAGES.shape[1:], dtype="uint8"), training=True)
        assert ours(bytes_, training=True).dtype == symbolic.dtype == ("uint8" if name == "Resizing" else "float32")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: layers.RandomFlip("diagonal"), ArgumentError),
        (lambda: layers.RandomRotation(2.0), ArgumentError),
        (lambda: layers.RandomRotation(0.1, fill_mode="edge"), ArgumentError),
        (lambda: layers.RandomRotation(0.1, interpolation="cubic"), ArgumentError),
        (lambda: layers.RandomZoom(-2.0), ArgumentError),
        (lambda: layers.RandomTranslation(2.0, 0.1), ArgumentError),
        (lambda: layers.RandomShear(-0.2), ArgumentError),
        (lambda: layers.RandomShear((-0.2, 0.3)), ArgumentError),
        (lambda: layers.RandomPerspective(2.0), ArgumentError),
        (lambda: layers.RandomPerspective(scale=2.0), ArgumentError),
        (lambda: layers.RandomElasticTransform(2.0), ArgumentError),
        (lambda: layers.Resizing(3, 3, "area"), ArgumentError),
        (lambda: layers.Resizing(3, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ArgumentError),
        (lambda: layers.CenterCrop(0, 1), ArgumentError),
        (lambda: layers.RandomFlip()(IMAGES[0, 0]), ShapeError),
        (lambda: layers.RandomFlip()({"images": IMAGES, "bounding_boxes": BOXES}), ArgumentError),
        (lambda: layers.RandomFlip()({"pictures": IMAGES}), ArgumentError),
        (lambda: layers.RandomElasticTransform(bounding_box_format="xyxy")({"images": IMAGES, "bounding_boxes": BOXES}),
         ArgumentError),
    ],
)  # fmt: skip
def test_refusals(call, error):
    with pytest.raises(error):
        call()
