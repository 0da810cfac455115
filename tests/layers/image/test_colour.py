"""Colour layers: the same transformation does to images what Keras's layers do; draws; dtypes; refusals."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from ranvier import layers
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.core.pure import pure

LAYERS = {
    "RandomBrightness": {"factor": 0.3},
    "RandomContrast": {"factor": (0.2, 0.5)},
    "RandomColorDegeneration": {"factor": 0.7},
    "RandomSaturation": {"factor": (0.1, 0.5)},
    "RandomHue": {"factor": (0.3, 0.9)},
    "RandomSharpness": {"factor": (0.0, 1.0)},
    "RandomPosterization": {"factor": (2, 6)},
    "RandomInvert": {},
    "RandomGrayscale": {},
    "RandomErasing": {"scale": (0.2, 0.6)},
    "RandomGaussianBlur": {"kernel_size": (3, 5), "sigma": (0.3, 2)},
    "Solarization": {"addition_factor": 0.4, "threshold_factor": (0.2, 0.9)},
}
RANGELESS = {"RandomGrayscale"}
every_range = pytest.mark.parametrize("value_range", [(0, 255), (0, 1), (-1, 1)], ids=str)


def images(value_range=(0, 255), shape=(4, 7, 6, 3), seed=0):
    low, high = value_range
    return np.random.default_rng(seed).uniform(low, high, shape).astype("float32")


def compiled(function, *layers_, optimized=False):
    """`function` as one program in which the layers draw from their generators."""
    states = [layer.generator.state for layer in layers_]
    run = jax.jit(pure(function, states), compiler_options=None if optimized else {"xla_backend_optimization_level": 0})
    return lambda *args: run([v.value for v in states], *args)[0]


def arguments(name, value_range=(0, 255)):
    return {**LAYERS[name], **({} if name in RANGELESS else {"value_range": value_range})}


def for_keras(transformation):
    """A transformation of ours as Keras has it: one pair of σ for the whole batch, not one for each image."""
    if isinstance(transformation, dict) and "blur_factor" in transformation:
        return {**transformation, "blur_factor": transformation["blur_factor"][0]}
    return transformation


@every_range
def test_the_same_transformations_do_what_they_do_in_keras(value_range):
    x = images(value_range)
    width = value_range[1] - value_range[0]
    ours = {name: getattr(layers, name)(seed=3, **arguments(name, value_range)) for name in LAYERS}
    theirs = {name: getattr(keras.layers, name)(**arguments(name, value_range)) for name in LAYERS}

    def both(x):
        drawn = {name: for_keras(layer.get_random_transformation(x)) for name, layer in ours.items()}
        return {
            name: (ours[name].transform_images(x, drawn[name]), theirs[name].transform_images(x, drawn[name], True))
            for name in LAYERS
        }

    for name, (found, expected) in compiled(both, *ours.values())(x).items():
        if name == "RandomSaturation" and value_range == (-1, 1):
            continue  # Keras 3.15 maps this range wrongly: a factor of 1 is not the identity
        assert found.dtype == expected.dtype, name
        np.testing.assert_allclose(found, expected, atol=2e-5 * width, err_msg=name)
        assert np.abs(found - x).max() > 0.01 * width, name  # something happened


def test_channels_first_is_the_same_with_axes_moved():
    x = images()
    last = {name: getattr(layers, name)(**arguments(name)) for name in LAYERS}
    first = {name: getattr(layers, name)(data_format="channels_first", **arguments(name)) for name in LAYERS}

    def both(x):
        moved, results = jnp.moveaxis(x, -1, 1), {}
        for name in LAYERS:
            drawn = first[name].get_random_transformation(moved)
            found = jnp.moveaxis(first[name].transform_images(moved, drawn), 1, -1)
            if name == "RandomErasing":
                drawn = {k: v if k == "apply_erasing" else jnp.moveaxis(v, 1, -1) for k, v in drawn.items()}
            results[name] = found, last[name].transform_images(x, drawn)
        return results

    for name, (found, expected) in compiled(both, *first.values())(x).items():
        np.testing.assert_allclose(found, expected, atol=1e-3, err_msg=name)


def test_images_differ_from_each_other_and_from_step_to_step_and_stay_at_inference():
    made = {name: getattr(layers, name)(seed=11, **arguments(name)) for name in LAYERS}
    x = np.repeat(images(shape=(1, 6, 6, 3)), 64, axis=0)

    def steps(x):
        return {name: (layer(x, training=True), layer(x, training=True)) for name, layer in made.items()}

    for layer in made.values():
        np.testing.assert_array_equal(layer(x, training=False), x)
        assert layer.get_random_transformation(x, training=False) is None
    for name, (first, second) in compiled(steps, *made.values())(x).items():
        assert len(np.unique(np.asarray(first).reshape(64, -1), axis=0)) > 1, name
        assert not np.array_equal(first, second), name
    contrast = layers.RandomContrast(0.4, seed=11)(x, training=True)  # one seed, the same numbers, compiled or not
    layer = layers.RandomContrast(0.4, seed=11)
    np.testing.assert_allclose(compiled(lambda x: layer(x, training=True), layer)(x), contrast, atol=1e-3)


def test_single_images_bytes_and_narrow_floats():
    made = {name: getattr(layers, name)(seed=1, **arguments(name)) for name in LAYERS}
    halves = {name: getattr(layers, name)(seed=1, dtype="float16", **arguments(name)) for name in LAYERS}
    x = images().astype("uint8")

    def run(x):
        results = {}
        for name, layer in made.items():
            one = layer.get_random_transformation(x[:1])
            alone, batch = layer.transform_images(x[0], one), layer.transform_images(x[:1], one)[0]
            drawn = layer.get_random_transformation(x)
            half = halves[name].transform_images(x.astype(jnp.float16), drawn)
            results[name] = alone, batch, layer(x[0], training=True), layer.transform_images(x, drawn), half
        return results

    for name, (alone, batch, called, found, half) in compiled(run, *made.values())(x).items():
        np.testing.assert_array_equal(alone, batch, err_msg=name)
        assert called.shape == x[0].shape
        assert found.dtype == ("uint8" if made[name].keeps_dtype else "float32"), name
        assert half.dtype == "float16", name
        tolerance = 1.01 if made[name].keeps_dtype else 0.2  # bytes lose their fractions; float16 keeps 11 bits
        np.testing.assert_allclose(half, np.asarray(found, "float32"), atol=tolerance, err_msg=name)


def test_brightness_of_bytes_stops_at_the_range():
    x = np.array([[[[250, 100, 3]]]], "uint8")
    found = layers.RandomBrightness((0.1, 0.1))(x, training=True)
    assert np.asarray(found).tolist() == [[[[255, 125, 28]]]]


def test_factors_that_change_nothing():
    x = images()
    for layer in (
        layers.RandomBrightness(0),
        layers.RandomContrast(0),
        layers.RandomColorDegeneration(0),
        layers.RandomHue(0),
        layers.RandomSaturation((0.5, 0.5)),
        layers.RandomSharpness((0.5, 0.5)),
        layers.RandomInvert(0),
        layers.RandomGrayscale(0),
        layers.RandomErasing(0),
        layers.RandomGaussianBlur(0),
        layers.RandomGaussianBlur((1.0, 1.0), sigma=0),
    ):
        np.testing.assert_allclose(layer(x, training=True), x, atol=1e-3, err_msg=layer.name)
    eight = np.floor(x)
    np.testing.assert_array_equal(layers.RandomPosterization((8, 8))(eight, training=True), eight)


@pytest.mark.parametrize(
    ("layer", "key", "low", "high"),
    [
        (layers.RandomBrightness((-0.2, 0.4)), "rgb_delta", -51, 102),
        (layers.RandomContrast((0.2, 0.5)), "contrast_factor", 0.8, 1.5),
        (layers.RandomColorDegeneration((0.2, 0.5)), "factor", 0.2, 0.5),
        (layers.RandomSaturation((0.2, 0.8)), "factor", 0.25, 4),
        (layers.RandomHue(0.5), "factor", -0.25, 0.25),
        (layers.RandomSharpness(0.4), "factor", 0, 0.4),
        (layers.RandomPosterization((2, 5)), "shift_factor", 4, 6),
        (layers.Solarization((0.2, 0.4)), "additions", 51, 102),
        (layers.Solarization(0, (0.2, 0.4)), "thresholds", 51, 102),
        (layers.RandomGaussianBlur(sigma=(1, 3)), "blur_factor", 1, 3),
    ],
    ids=lambda v: getattr(v, "name", str(v)),
)
def test_draws_fill_the_interval_that_the_factor_means(layer, key, low, high):
    drawn = np.asarray(layer.get_random_transformation(np.zeros((3000, 1, 1, 3), "float32"))[key], "float32")
    width = high - low
    assert low - 1e-5 <= drawn.min() <= low + 0.01 * width
    assert high - 0.01 * width <= drawn.max() <= high + 1e-5


@pytest.mark.parametrize(
    ("factor", "expected"), [(1.0, 0.5), ((0.2, 0.4), 0.3), ((1.0, 1.0), 1.0), (0.0, 0.0)], ids=str
)
def test_chosen_images_are_as_many_as_the_factor_says(factor, expected):
    data = np.zeros((4000, 2, 2, 3), "float32")
    for layer, key in (
        (layers.RandomInvert(factor), "apply_inversion"),
        (layers.RandomErasing(factor), "apply_erasing"),
        (layers.RandomGaussianBlur(factor), "should_apply_blur"),
    ):
        share = float(np.mean(np.asarray(layer.get_random_transformation(data)[key])))
        assert abs(share - expected) < 0.04, layer.name


def test_hues_move_by_at_least_the_lower_end_either_way():
    turns = np.asarray(layers.RandomHue((0.4, 0.6)).get_random_transformation(np.zeros((2000, 1, 1, 3)))["factor"])
    assert np.abs(turns).min() >= 0.2
    assert np.abs(turns).max() <= 0.3
    assert abs(np.mean(turns > 0) - 0.5) < 0.05


def test_full_saturation_stays_within_the_range():
    found = np.asarray(layers.RandomSaturation((1.0, 1.0))(images(), training=True))
    assert found.min() >= 0
    assert found.max() <= 255
    np.testing.assert_allclose(found.min(axis=-1), 0, atol=1e-3)  # fully saturated: one channel is empty


def test_erased_rectangles_have_the_sides_that_scale_says_and_noise_or_a_number():
    data = np.full((500, 20, 40, 3), 100, "float32")
    found = layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=7)(data, training=True)
    erased = np.all(np.asarray(found) == 7, axis=-1)
    assert set(erased.any(axis=2).sum(axis=1)) == {10}
    assert set(erased.any(axis=1).sum(axis=1)) == {20}
    assert (erased.sum(axis=(1, 2)) == 200).all()
    assert erased.any(axis=0).all()  # anywhere in the image
    noise = np.asarray(layers.RandomErasing().get_random_transformation(data)["fill_value"])
    assert abs(np.mean(noise == 0) - 0.5) < 0.01
    assert abs(np.mean(noise == 255) - 0.1587) < 0.01


@pytest.mark.parametrize("name", LAYERS)
def test_configs_are_those_of_keras(name):
    ours = getattr(layers, name)(name="it", **arguments(name))
    theirs = getattr(keras.layers, name)(name="it", **arguments(name)).get_config()
    config = ours.get_config()
    plain = lambda c: {k: list(v) if isinstance(v, tuple) else v for k, v in c.items() if k != "dtype"}  # noqa: E731
    assert plain(config) == plain(theirs)
    assert type(ours).from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomBrightness(1.5), "factor must be .* within \\[-1, 1\\]"),
        (lambda: layers.RandomBrightness((0.1,)), "factor"),
        (lambda: layers.RandomBrightness("much"), "factor"),
        (lambda: layers.RandomContrast(-0.3), "within \\[0, 1\\]"),
        (lambda: layers.RandomPosterization(0), "within \\[1, 8\\]"),
        (lambda: layers.RandomBrightness(0.1, value_range=(1, 0)), "value_range"),
        (lambda: layers.RandomBrightness(0.1, value_range=3), "value_range"),
        (lambda: layers.RandomGrayscale(1.2), "factor"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "odd"),
        (lambda: layers.RandomGaussianBlur(sigma=(2, -1)), "sigma"),
        (lambda: layers.RandomErasing(scale=2.0), "scale"),
        (lambda: layers.Solarization(threshold_factor=(-0.1, 0.2)), "threshold_factor"),
        (lambda: layers.Equalization(bins=1), "bins"),
        (lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(0, 1)), "tile_grid_size"),
        (lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(clip_limit="a"), "clip_limit"),
    ],
)
def test_refusals_name_the_argument(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_colours_need_three_channels():
    with pytest.raises(ShapeError, match="channels"):
        layers.RandomHue(0.3)(np.zeros((2, 4, 4, 1), "float32"), training=True)
    with pytest.raises(ShapeError, match="channels"):
        layers.RandomGrayscale()(np.zeros((2, 4, 4, 4), "float32"), training=True)


def test_pairs_may_come_in_either_order_as_in_keras():
    assert layers.RandomBrightness((0.5, 0.2)).factor == keras.layers.RandomBrightness((0.5, 0.2)).factor
