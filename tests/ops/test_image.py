"""`ops.image` is Keras's: same numbers, dtypes and shapes; and where Keras errs, the laws of the mathematics."""

from __future__ import annotations

import jax
import keras
import numpy as np
import pytest

from ranvier import ops
from ranvier.core.errors import ArgumentError, ShapeError
from ranvier.layers import Input
from ranvier.random import SeedGenerator

UNOPTIMIZED = {"xla_backend_optimization_level": 0}
RNG = np.random.default_rng(0)
FLOATS = RNG.random((2, 6, 7, 3)).astype("float32")
BYTES = (FLOATS * 255).astype("uint8")
VOLUMES = RNG.random((2, 5, 6, 7, 2)).astype("float32")
MAPS = (RNG.normal(size=(2, 8)) * 0.3 + [1, 0, 1, 0, 1, -1, 0, 0]).astype("float32") * np.float32([1] * 6 + [0] * 2)
CORNERS = np.array([[0, 0], [0, 5], [5, 0], [5, 5]]) + RNG.uniform(0, 1.5, (2, 2, 4, 2))
START, END = CORNERS.astype("float32")
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
HALVES = (np.round(RNG.uniform(-12, 14, (4, 40)) * 2) / 2).astype("float32")
FIRST = {"data_format": "channels_first"}


# What each function is called with after the images, as keyword arguments.
CALLS = {
    "colour": [{"function": "rgb_to_grayscale"}],
    "hue": [{"function": "rgb_to_hsv"}, {"function": "hsv_to_rgb"}],
    "resize": [
        *({"function": "resize", "size": (4, 9), "interpolation": m, "antialias": a}
          for m in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5") for a in (False, True)),
        *({"function": "resize", "size": s, "crop_to_aspect_ratio": True} for s in ((4, 9), (9, 4), (3, 3), (12, 1))),
        *({"function": "resize", "size": s, "pad_to_aspect_ratio": True, "fill_value": 3.0}
          for s in ((4, 9), (9, 4), (3, 3), (12, 1))),
    ],
    "affine": [
        {"function": "affine_transform", "transform": MAPS, "interpolation": i, "fill_mode": m, "fill_value": 2}
        for i in ("nearest", "bilinear") for m in MODES
    ],
    "perspective": [
        {"function": "perspective_transform", "start_points": START, "end_points": END, "interpolation": i,
         "fill_value": 1} for i in ("nearest", "bilinear")
    ],
    "frames": [
        {"function": "pad_images", "top_padding": 1, "left_padding": 2, "bottom_padding": 3, "right_padding": 4},
        {"function": "pad_images", "bottom_padding": 1, "right_padding": 2, "target_height": 9, "target_width": 12},
        {"function": "crop_images", "top_cropping": 1, "left_cropping": 2, "bottom_cropping": 1, "right_cropping": 0},
        {"function": "crop_images", "bottom_cropping": 1, "left_cropping": 2, "target_height": 3, "target_width": 4},
    ],
    "patches": [
        {"function": "extract_patches", "size": s, "strides": t, "padding": p}
        for s in (2, (2, 3)) for t in (None, 1, (2, 1)) for p in ("valid", "same")
    ] + [{"function": "extract_patches", "size": 2, "strides": 1, "dilation_rate": 2, "padding": "same"}],
}  # fmt: skip
ONLY_FLOATS = {
    "hue": CALLS["hue"],
    "edges": [{"function": "sobel_edges"}],
}  # fmt: skip


def both(calls, images, layout):
    """What Keras and ranvier make of all calls, in one program."""

    def run(module):
        def one(x, call):
            call = dict(call)
            return getattr(module, call.pop("function"))(x, **call, **layout)

        return lambda x: [one(x, call) for call in calls]

    together = jax.jit(lambda x: (run(keras.ops.image)(x), run(ops.image)(x)), compiler_options=UNOPTIMIZED)
    return zip(*together(images), calls, strict=True)


def check(calls, images, layout):
    for theirs, ours, call in both(calls, images, layout):
        assert ours.dtype == theirs.dtype, call
        assert ours.shape == theirs.shape, call
        # Whole numbers may fall on the other side of a half.
        tolerance = 1 if ours.dtype == "uint8" else 3e-5
        difference = np.abs(np.asarray(ours, "float32") - np.asarray(theirs, "float32"))
        assert difference.max() <= tolerance, call
        if ours.dtype == "uint8":
            assert (difference > 0).mean() < 0.02, call


@pytest.mark.parametrize("group", sorted(CALLS | ONLY_FLOATS))
def test_floats_as_in_keras(group):
    check((CALLS | ONLY_FLOATS)[group], FLOATS, {})


def test_channels_first_as_in_keras():
    check([group[-1] for group in (CALLS | ONLY_FLOATS).values()], np.moveaxis(FLOATS, -1, 1), FIRST)


@pytest.mark.parametrize("group", sorted(set(CALLS) - {"hue"}))
def test_bytes_as_in_keras(group):
    check(CALLS[group][::2], BYTES, {})


def test_elastic_noise_of_integer_seeds_is_that_of_keras():
    for call in ({"interpolation": "nearest", "fill_mode": "wrap"}, {"fill_mode": "reflect"}):
        given = {"alpha": 2.0, "sigma": 1.5, "seed": 3, **call}
        expected = keras.ops.image.elastic_transform(FLOATS, **given)
        np.testing.assert_allclose(ops.image.elastic_transform(FLOATS, **given), expected, atol=3e-5)


def test_one_image_is_a_batch_of_one():
    calls = [group[-1] for group in (CALLS | ONLY_FLOATS).values()]
    per_image = ("transform", "start_points", "end_points")

    def run(x, single):
        found = []
        for call in calls:
            call = {k: v[0] if single and k in per_image else v for k, v in call.items()}
            found.append(getattr(ops.image, call.pop("function"))(x, **call))
        return found

    single = jax.jit(lambda x: run(x, True), compiler_options=UNOPTIMIZED)(FLOATS[0])
    batch = jax.jit(lambda x: run(x, False), compiler_options=UNOPTIMIZED)(FLOATS)
    for call, a, b in zip(calls, single, batch, strict=True):
        np.testing.assert_allclose(a, b[0], rtol=1e-6, atol=1e-6, err_msg=str(call))


def test_coordinates_as_in_keras():
    calls = [
        {"function": "map_coordinates", "coordinates": HALVES, "order": order, "fill_mode": mode, "fill_value": 3}
        for order in (0, 1) for mode in MODES
    ]  # fmt: skip
    check(calls, FLOATS, {})
    check(calls, BYTES, {})


def test_volumes_scaling_and_likeness_as_in_keras():
    check([{"function": "extract_patches_3d", "size": s, "strides": t, "padding": p}
           for s in (2, (2, 3, 1)) for t in (None, 1) for p in ("valid", "same")], VOLUMES, {})  # fmt: skip
    check([{"function": "extract_patches", "size": (2, 3, 1)}], VOLUMES, {})
    check(
        [
            {"function": "scale_and_translate", "output_shape": (2, 5, 5, 3), "scale": np.float32([0.5, 0.7]),
             "translation": np.float32([0, 1]), "spatial_dims": (1, 2), "method": m, "antialias": a}
            for m in ("linear", "bicubic", "lanczos3") for a in (False, True)
        ],
        FLOATS,
        {},
    )  # fmt: skip
    other = (FLOATS * 0.8 + 0.1).astype("float32")
    check([{"function": "ssim", "image2": other, "filter_size": 4, "filter_sigma": s, "max_val": m}
           for s in (0.7, 1.5) for m in (1.0, 255.0)], FLOATS, {})  # fmt: skip


def test_blur_is_separable_and_leaves_channels_alone():
    # Keras on JAX mixes channels that come last; where they come first, both are right.
    check([{"function": "gaussian_blur", "kernel_size": (k, k), "sigma": (1.2, 1.2)} for k in (1, 3, 4, 5)],
          np.moveaxis(FLOATS, -1, 1), FIRST)  # fmt: skip
    impulse = np.zeros((9, 9, 2), "float32")
    impulse[4, 4, 0] = 1
    found = np.asarray(ops.image.gaussian_blur(impulse, (3, 5), (1.0, 2.0)))
    bells = [np.exp(-0.5 * (np.arange(-k, k + 1) / s) ** 2) for k, s in ((1, 1.0), (2, 2.0))]
    expected = np.outer(*(b / b.sum() for b in bells))
    np.testing.assert_allclose(found[3:6, 2:7, 0], expected, rtol=1e-5)
    assert found[..., 1].max() == 0
    assert ops.image.gaussian_blur(BYTES).dtype == "uint8"


def test_affine_with_a_denominator_is_the_perspective():
    start = np.array([[0, 0], [6, 0], [0, 5], [6, 5.0]], "float32")
    a = np.float32([0.9, 0.1, 0.5, -0.1, 1.1, 0.3, 0.02, 0.03])
    # Where the map sends four output points is where their start points are.
    k = a[6] * start[:, 0] + a[7] * start[:, 1] + 1
    sources = np.stack([start @ a[0:2] + a[2], start @ a[3:5] + a[5]], axis=-1) / k[:, None]
    found = ops.image.affine_transform(FLOATS[0], a)
    expected = ops.image.perspective_transform(FLOATS[0], sources, start)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_edges_of_bytes_keep_their_sign():
    ramp = np.arange(5, dtype="uint8")[::-1, None, None] * np.ones((1, 5, 1), "uint8")
    assert np.asarray(ops.image.sobel_edges(ramp))[2, 2, 0].tolist() == [-8, 0]


def test_elastic_noise_is_fresh_and_differs_between_directions():
    seed = SeedGenerator(1)
    ramps = np.stack(np.meshgrid(np.arange(24.0), np.arange(24.0)), axis=-1).astype("float32")
    first, second = (np.asarray(ops.image.elastic_transform(ramps, 3.0, 2.0, seed=seed)) - ramps for _ in range(2))
    middle = slice(8, 16)
    assert np.abs(first - second)[middle, middle].max() > 0.1
    assert abs(np.corrcoef(first[middle, middle, 0].ravel(), first[middle, middle, 1].ravel())[0, 1]) < 0.99


def test_symbolic_shapes():
    x = Input((None, None, 3))
    image = ops.image
    assert image.resize(x, (4, 5)).shape == (None, 4, 5, 3)
    assert image.rgb_to_grayscale(x).shape == (None, None, None, 1)
    assert image.crop_images(x, 1, 1, target_height=4, target_width=5).shape == (None, 4, 5, 3)
    assert image.pad_images(Input((4, 5, 3)), 1, 1, 1, 1).shape == (None, 6, 7, 3)
    assert image.sobel_edges(x).shape == (None, None, None, 3, 2)
    assert image.extract_patches(Input((8, 8, 3)), 4).shape == (None, 2, 2, 48)
    assert image.ssim(Input((12, 12, 1)), Input((12, 12, 1))).shape == (None,)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda i: i.resize(FLOATS, (4,)), ArgumentError),
        (lambda i: i.resize(FLOATS, (4, 4), "area"), ArgumentError),
        (lambda i: i.resize(FLOATS, (4, 4), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ArgumentError),
        (lambda i: i.resize(FLOATS[0, 0], (4, 4)), ShapeError),
        (lambda i: i.rgb_to_hsv(BYTES), ArgumentError),
        (lambda i: i.rgb_to_grayscale(FLOATS[..., :2]), ShapeError),
        (lambda i: i.affine_transform(FLOATS, MAPS[:, :6]), ShapeError),
        (lambda i: i.affine_transform(FLOATS, MAPS, "cubic"), ArgumentError),
        (lambda i: i.affine_transform(FLOATS, MAPS, fill_mode="edge"), ArgumentError),
        (lambda i: i.perspective_transform(FLOATS, START, END[:1]), ShapeError),
        (lambda i: i.crop_images(FLOATS, 1, 1, 1), ArgumentError),
        (lambda i: i.crop_images(FLOATS, 4, 1, 4, 1), ArgumentError),
        (lambda i: i.pad_images(FLOATS, 1, 1, target_height=3, target_width=9), ArgumentError),
        (lambda i: i.map_coordinates(FLOATS, HALVES, order=3), ArgumentError),
        (lambda i: i.map_coordinates(FLOATS, HALVES[:3], order=1), ShapeError),
        (lambda i: i.extract_patches(FLOATS, 9), ShapeError),
        (lambda i: i.ssim(FLOATS, FLOATS), ShapeError),
        (lambda i: i.scale_and_translate(FLOATS, FLOATS.shape, [1.0], [0.0], (1,), "nearest"), ArgumentError),
    ],
)
def test_refusals(call, error):
    with pytest.raises(error):
        call(ops.image)
