"""Images in files and as arrays: Keras's bytes and shapes."""

import io
import sys
import warnings

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from PIL import Image

from ranvier import preprocessing, utils
from ranvier.core.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, ShapeError

COLOURS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8))


@pytest.fixture(params=["RGB", "RGBA", "L", "P", "I;16", "1"])
def file(request, tmp_path):
    if request.param == "I;16":
        image = Image.fromarray(np.arange(126, dtype=np.uint16).reshape(9, 14) * 500)
    else:
        image = COLOURS.convert(request.param)
    image.save(tmp_path / "x.png")
    return tmp_path / "x.png"


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        *(
            {"target_size": (5, 6), "interpolation": i}
            for i in ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
        ),
        {"target_size": (5, 20), "keep_aspect_ratio": True},
        {"target_size": (12, 3), "keep_aspect_ratio": True, "interpolation": "bilinear"},
    ],
    ids=str,
)
def test_load_img(file, color_mode, arguments):
    with Image.open(file) as image:
        mode = image.mode
    if "16" in mode and color_mode == "grayscale" and arguments.get("interpolation", "nearest") != "nearest":
        pytest.skip("Pillow cannot resize 16 bits so")
    ours, theirs = (k.load_img(file, color_mode=color_mode, **arguments) for k in (utils, keras.utils))
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    a, b = utils.img_to_array(ours), keras.utils.img_to_array(theirs)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert np.array_equal(a, b)


def test_load_img_from_memory_and_refusals(tmp_path):
    buffer = io.BytesIO()
    COLOURS.save(buffer, "png")
    assert utils.load_img(buffer).size == (14, 9)
    for arguments, error in (
        ({"path": 3}, ArgumentTypeError),
        ({"path": buffer, "color_mode": "x"}, ArgumentError),
        ({"path": buffer, "interpolation": "x"}, ArgumentError),
        ({"path": buffer, "target_size": 3}, ArgumentError),
        ({"path": tmp_path / "none"}, FileNotFoundError),
    ):
        with pytest.raises(error):
            utils.load_img(**arguments)


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'ranvier\[image\]'"):
        utils.load_img(io.BytesIO())


@pytest.mark.parametrize("arguments", [{}, {"data_format": "channels_first"}, {"dtype": "uint8"}], ids=str)
@pytest.mark.parametrize(
    "x", [COLOURS, COLOURS.convert("L"), np.zeros((2, 3)), np.ones((2, 3, 4))], ids=["rgb", "l", "2", "3"]
)
def test_img_to_array(x, arguments):
    a, b = utils.img_to_array(x, **arguments), keras.utils.img_to_array(x, **arguments)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert np.array_equal(a, b)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "arguments", [{}, {"scale": False}, {"data_format": "channels_first"}, {"dtype": "float64"}], ids=str
)
@pytest.mark.parametrize("factor", [1.0, 200.0, -90.0])
def test_array_to_img(rng, channels, arguments, factor):
    x = rng.random((channels, 5, channels)) * factor
    a, b = utils.array_to_img(x, **arguments), keras.utils.array_to_img(x, **arguments)
    assert (a.mode, a.size) == (b.mode, b.size)
    assert np.array_equal(np.asarray(a), np.asarray(b))


def test_array_to_img_of_more_than_bytes_and_of_nothing_but_one_value():
    for x, scale in ((np.array([[[0.0], [300.0]]]), False), (np.full((2, 2, 3), 7.0), True)):
        a, b = (k.array_to_img(x, scale=scale) for k in (utils, keras.utils))
        assert a.mode == b.mode
        assert np.array_equal(np.asarray(a), np.asarray(b))
    assert utils.array_to_img(jnp.zeros((2, 3, 3))).size == (3, 2)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 5), (1, 2, 2, 3)])
def test_arrays_that_are_no_images(shape):
    with pytest.raises(ShapeError):
        utils.array_to_img(np.zeros(shape))
    if len(shape) == 4:
        with pytest.raises(ShapeError):
            utils.img_to_array(np.zeros(shape))


@pytest.mark.parametrize(
    ("name", "channels", "arguments"),
    [("o.png", 3, {}), ("o.jpg", 4, {}), ("o.JPEG", 3, {}), ("o.bmp", 1, {}), ("o", 3, {"file_format": "png"}),
     ("o", 4, {"file_format": "jpg"}), ("o.png", 3, {"scale": False, "compress_level": 1})],
    ids=str,
)  # fmt: skip
def test_save_img(tmp_path, rng, name, channels, arguments):
    x = rng.random((4, 5, channels)) * 255
    contents = []
    for which, folder in ((utils, "ours"), (keras.utils, "theirs")):
        (tmp_path / folder).mkdir()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The JPEG format does not support")  # which Keras gives
            which.save_img(tmp_path / folder / name, x, **arguments)
        contents.append((tmp_path / folder / name).read_bytes())
    assert contents[0] == contents[1]


def test_save_img_refuses_unknown_formats(tmp_path):
    with pytest.raises(ArgumentError, match="file_format"):
        utils.save_img(tmp_path / "o.xyz", np.zeros((2, 2, 3)))


@pytest.mark.parametrize(
    ("interpolation", "size", "dtype"),
    [
        ("bilinear", (5, 5), "uint8"),
        ("bilinear", (20, 8), "float32"),
        ("nearest", (3, 30), "uint8"),
        ("bicubic", (20, 8), "uint8"),
        ("lanczos3", (3, 30), "float32"),
        ("lanczos5", (5, 5), "float32"),
    ],
)
def test_smart_resize(rng, interpolation, size, dtype):
    x = rng.integers(0, 256, (2, 13, 10, 3)).astype(dtype)
    for value in (x, x[0]):
        ours = preprocessing.image.smart_resize(value, size, interpolation)
        theirs = keras.preprocessing.image.smart_resize(value, size, interpolation)
        assert (type(ours), ours.dtype, ours.shape) == (type(theirs), theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-3)
    compiled = preprocessing.image.smart_resize(jnp.asarray(x), size, interpolation)
    np.testing.assert_allclose(compiled, preprocessing.image.smart_resize(x, size, interpolation), rtol=1e-5, atol=2e-3)
    first = preprocessing.image.smart_resize(x.transpose(0, 3, 1, 2), size, interpolation, data_format="channels_first")
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), compiled, rtol=1e-5, atol=2e-3)


def test_smart_resize_refuses():
    x = np.zeros((3, 5, 3))
    for error, call in (
        (ShapeError, lambda: preprocessing.image.smart_resize(x[0], (2, 2))),
        (ArgumentError, lambda: preprocessing.image.smart_resize(x, 2)),
        (ArgumentError, lambda: preprocessing.image.smart_resize(x, (2, 2), "area")),
        (ArgumentTypeError, lambda: preprocessing.image.smart_resize(x, (2, 2), size2=3)),
    ):
        with pytest.raises(error):
            call()
