"""MixUp and CutMix: images and labels with the same weights, as in Keras for the same draws."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from ranvier import layers
from ranvier.core.errors import ArgumentError

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (6, 8, 10, 3)).astype("float32")
LABELS = np.eye(6, dtype="float32")
both = pytest.mark.parametrize("name", ["MixUp", "CutMix"])


@both
def test_the_same_draws_mix_images_and_labels_as_in_keras(name):
    ours, theirs = getattr(layers, name)(seed=1), getattr(keras.layers, name)()
    drawn = ours.get_random_transformation(IMAGES)
    for kind, values in (("images", IMAGES), ("labels", LABELS)):
        found = getattr(ours, f"transform_{kind}")(values, drawn)
        expected = np.asarray(getattr(theirs, f"transform_{kind}")(values, drawn, training=True))
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, atol=1e-4)


@both
def test_labels_say_what_images_show(name):
    flat = np.broadcast_to(np.arange(6, dtype="float32")[:, None, None, None], (6, 8, 10, 1))
    layer = getattr(layers, name)(seed=4)
    for _ in range(3):
        mixed = layer({"images": flat, "labels": LABELS}, training=True)
        shown = np.asarray(mixed["images"]).mean(axis=(1, 2, 3))  # Σ part · image's number
        np.testing.assert_allclose(np.asarray(mixed["labels"]) @ np.arange(6), shown, atol=1e-4)
        np.testing.assert_allclose(np.asarray(mixed["labels"]).sum(axis=1), 1, atol=1e-6)


@both
def test_fresh_at_each_call_and_off_at_inference(name):
    layer = getattr(layers, name)(seed=2)
    first, second = (np.asarray(layer(IMAGES, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)
    data = {"images": IMAGES, "labels": LABELS}
    after = layer(data, training=False)
    np.testing.assert_array_equal(after["images"], IMAGES)
    np.testing.assert_array_equal(after["labels"], LABELS)
    np.testing.assert_array_equal(layer(IMAGES[0], training=True), IMAGES[0])  # nobody to mix with
    assert layer(IMAGES.astype("uint8"), training=True).dtype == "float32"
    half = getattr(layers, name)(dtype="float16")({"images": IMAGES, "labels": LABELS}, training=True)
    assert half["images"].dtype == half["labels"].dtype == "float16"


def test_weights_come_from_their_distributions():
    many = np.zeros((4000, 4, 4, 1), "float32")
    weights = np.asarray(layers.MixUp(0.5).get_random_transformation(many)["mix_weight"])
    assert abs(weights.mean() - 0.5) < 0.03
    assert abs(weights.var() - 1 / 8) < 0.01
    order = np.asarray(layers.MixUp().get_random_transformation(many)["permutation_order"])
    assert sorted(order) == list(range(4000))
    assert np.mean(order == np.arange(4000)) < 0.01


def test_cut_rectangles_lie_inside_and_have_the_images_shape():
    drawn = layers.CutMix((1.0, 1.0), seed=3).get_random_transformation(np.zeros((3000, 20, 40, 1), "float32"))
    masks = np.asarray(drawn["batch_masks"])[..., 0]
    rows, columns = masks.any(axis=2).sum(axis=1), masks.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(masks.sum(axis=(1, 2)), rows * columns)
    assert np.abs(2 * rows - columns).max() <= 2
    stays = np.asarray(drawn["mix_weight"]).ravel()
    np.testing.assert_allclose(stays, 1 - rows * columns / 800, atol=1e-6)
    assert abs(stays.mean() - 0.5) < 0.03  # Beta(1, 1) is even


def test_masks_and_boxes():
    boxes = {"boxes": RNG.uniform(0, 5, (6, 2, 4)).astype("float32"), "labels": np.arange(12).reshape(6, 2)}
    mix = layers.MixUp(seed=1)
    drawn = mix.get_random_transformation(IMAGES)
    found = mix.transform_bounding_boxes(boxes, drawn)
    order = np.asarray(drawn["permutation_order"])
    np.testing.assert_array_equal(found["boxes"], np.concatenate([boxes["boxes"], boxes["boxes"][order]], axis=1))
    np.testing.assert_array_equal(found["labels"], np.concatenate([boxes["labels"], boxes["labels"][order]], axis=1))
    np.testing.assert_array_equal(mix.transform_segmentation_masks(IMAGES, drawn), mix.transform_images(IMAGES, drawn))
    cut = layers.CutMix(seed=1)
    drawn = cut.get_random_transformation(IMAGES)
    np.testing.assert_array_equal(cut.transform_segmentation_masks(IMAGES, drawn), cut.transform_images(IMAGES, drawn))
    with pytest.raises(ArgumentError, match="bounding"):
        cut.transform_bounding_boxes(boxes, drawn)


def test_refusals_and_configs():
    for alpha in (0, -1, None, (0.1, 0.2)):
        with pytest.raises(ArgumentError, match="alpha"):
            layers.MixUp(alpha)
    with pytest.raises(ArgumentError, match="factor"):
        layers.CutMix(1.5)
    for name, arguments in (("MixUp", {"alpha": 0.4, "seed": 3}), ("CutMix", {"factor": 0.5})):
        ours, theirs = (getattr(module, name)(name="it", **arguments).get_config() for module in (layers, keras.layers))
        assert {**ours, "dtype": 0} == {**theirs, "dtype": 0}
