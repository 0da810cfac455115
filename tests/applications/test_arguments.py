"""What the architectures take, refuse and load; images before them, names of classes after them."""

from __future__ import annotations

import json

import h5py
import keras
import numpy as np
import pytest

import ranvier
from ranvier import applications as apps
from ranvier.applications import building, imagenet_utils, pretrained
from ranvier.core.errors import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    RanvierWarning,
    SerializationError,
    ShapeError,
)

TINY = {"weights": None, "alpha": 0.25, "input_shape": (32, 32, 3), "classes": 3}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("VGG16", {"weights": None, "include_top": False, "input_shape": (8, 8, 3)}, "at least 32 by 32"),
        ("InceptionV3", {"weights": None, "include_top": False, "input_shape": (74, 80, 3)}, "at least 75 by 75"),
        ("Xception", {"weights": None, "include_top": False, "input_shape": (80, 70, 3)}, "at least 71 by 71"),
        ("MobileNetV3Small", {"weights": None, "input_shape": (31, 64, 3)}, "at least 32 by 32"),
        ("VGG16", {"weights": None, "input_shape": (64, 3), "include_top": False}, "three integers"),
        ("ResNet50", {"weights": None, "input_shape": (None, None, 3)}, "fixed size"),
        ("ResNet50", {"input_shape": (100, 100, 3)}, r"must be \(224, 224, 3\)"),
        ("EfficientNetB3", {"input_shape": (100, 100, 3)}, r"must be \(300, 300, 3\)"),
        ("ResNet50", {"input_shape": (64, 64, 4), "include_top": False}, "3 channels"),
    ],
)
def test_shapes_that_do_not_fit(name, options, message):
    with pytest.raises(ShapeError, match=message):
        getattr(apps, name)(**options)
    with pytest.raises(ValueError):
        getattr(keras.applications, name)(**options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("VGG16", {"classes": 10}, "1000 classes"),
        ("VGG16", {"weights": "/no/such/file"}, "path of an existing file"),
        ("MobileNet", {"classifier_activation": "tanh"}, "classifier_activation"),
        ("MobileNet", {"alpha": 0.3}, "alpha"),
        ("MobileNet", {"depth_multiplier": 2}, "depth_multiplier=2"),
        ("MobileNetV2", {"alpha": 0.3}, "alpha=0.3"),
        ("MobileNetV3Small", {"alpha": 0.75, "minimalistic": True}, "minimalistic=True"),
    ],
)
def test_weights_that_do_not_fit(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        getattr(apps, name)(**options)
    with pytest.raises(ValueError):
        getattr(keras.applications, name)(**options)


def test_nasnet_needs_sizes():  # its cells compare them to see where the resolution was halved
    with pytest.raises(ShapeError, match="fixed size"):
        apps.NASNetMobile(weights=None, include_top=False, input_shape=(None, None, 3))


def test_unusual_channels_are_warned_of():
    with pytest.warns(RanvierWarning, match="1 or 3 channels"):
        apps.MobileNet(weights=None, alpha=0.25, include_top=False, input_shape=(32, 32, 5))


def test_an_input_tensor():
    inputs = ranvier.Input((48, 48, 3), name="pictures")
    scaled = ranvier.layers.Rescaling(2.0)(inputs)
    model = apps.MobileNet(weights=None, alpha=0.25, include_top=False, input_tensor=scaled, pooling="avg")
    assert model.inputs[0] is inputs
    assert [type(layer).__name__ for layer in model.layers[:3]] == ["InputLayer", "Rescaling", "Conv2D"]
    assert model.output_shape == (None, 256)
    with pytest.raises(ArgumentTypeError, match="symbolic"):
        apps.MobileNet(weights=None, include_top=False, input_tensor=np.zeros((1, 48, 48, 3)))
    with pytest.raises(ShapeError, match="contradict"):
        apps.MobileNetV2(weights=None, include_top=False, input_tensor=inputs, input_shape=(64, 64, 3))


def test_weights_of_a_file(tmp_path):
    model = apps.MobileNet(**TINY)
    model.save_weights(tmp_path / "m.weights.h5")
    again = apps.MobileNet(**TINY | {"weights": str(tmp_path / "m.weights.h5")})
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def layered(tmp_path):
    """A small MobileNet of Keras and its file in the older layout."""
    theirs = keras.applications.MobileNet(**TINY)
    theirs.save(tmp_path / "m.h5")
    return theirs, tmp_path / "m.h5"


def test_weights_in_the_older_layout(layered, monkeypatch):
    theirs, path = layered
    mine = apps.MobileNet(**TINY | {"weights": str(path)})
    for one, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)

    # "imagenet" goes the same way, from the file that was fetched.
    asked = []
    monkeypatch.setattr(building, "fetch", lambda *arguments: asked.append(arguments) or str(path))
    with pytest.raises(SerializationError, match="layers with weights"):
        apps.MobileNet(include_top=False, alpha=0.25, input_shape=(160, 160, 3))
    assert asked == [("MobileNet", False, "2_5_160")]


def test_files_that_are_refused(layered, tmp_path):
    _, path = layered
    model = apps.MobileNet(**TINY)
    before = model.get_weights()

    def damaged(change):
        copy = tmp_path / "damaged.h5"
        copy.write_bytes(path.read_bytes())
        with h5py.File(copy, "r+") as file:
            change(file["model_weights"])
        return copy

    def outside(root):
        names = list(root["conv1"].attrs["weight_names"])
        del root["conv1"][names[0]]
        root["conv1"][names[0]] = h5py.ExternalLink(str(path), "/model_weights")

    def reshaped(root):
        (name,) = root["conv_preds"].attrs["weight_names"][:1]
        del root["conv_preds"][name]
        root["conv_preds"][name] = np.zeros((1, 1, 256, 4))

    def fewer(root):
        root["conv_preds"].attrs["weight_names"] = list(root["conv_preds"].attrs["weight_names"])[:1]

    def missing(root):
        root.attrs["layer_names"] = ["conv1", "nothing"]

    def words(root):
        (name,) = root["conv_preds"].attrs["weight_names"][1:]
        del root["conv_preds"][name]
        root["conv_preds"].create_dataset(name, data=["a", "b", "c"])

    def bare(root):
        del root.attrs["layer_names"]

    for change, error, message in [
        (outside, SerializationError, "links are not followed"),
        (reshaped, ShapeError, "shape"),
        (fewer, SerializationError, "has 2 weights"),
        (missing, SerializationError, "has no .nothing."),
        (words, SerializationError, "are no numbers"),
        (bare, SerializationError, "no list of layers"),
    ]:
        with pytest.raises(error, match=message):
            model.load_weights(damaged(change))
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [n for n in apps.__all__ if n[0].isupper()])
@pytest.mark.parametrize("include_top", [True, False])
def test_every_architecture_has_a_file(name, include_top):
    variant = {"MobileNet": "1_0_224", "MobileNetV2": "1.0_224"}.get(name, "large_224_1.0" if "Large" in name else "")
    variant = "small_minimalistic_224_1.0" if name == "MobileNetV3Small" else variant
    origin, digest = pretrained._location(name, include_top, variant)
    assert origin.startswith("https://storage.googleapis.com/")
    assert origin.endswith(".h5")
    if name in ("MobileNet", "MobileNetV2"):
        assert digest is None
    else:
        assert len(digest) in (32, 64)
        assert set(digest) <= set("0123456789abcdef")


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_preprocess_input(mode, data_format, dtype, batch):
    x = np.random.default_rng(0).integers(0, 255, (*batch, 3, 3, 3)).astype(dtype)
    mine = imagenet_utils.preprocess_input(x, data_format, mode)
    expected = keras.applications.imagenet_utils.preprocess_input(x.copy(), data_format, mode)
    assert mine.dtype == expected.dtype
    np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-5)
    if dtype == "float32":
        again = imagenet_utils.preprocess_input(ranvier.ops.convert_to_tensor(x), data_format, mode)
        np.testing.assert_allclose(again, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("module", [m for m in apps.__all__ if m[0].islower()])
def test_each_familys_preprocessing(module):
    x = np.full((1, 2, 2, 3), 100.0, "float32")
    mine = getattr(apps, module).preprocess_input(x)
    np.testing.assert_allclose(mine, getattr(keras.applications, module).preprocess_input(x.copy()), rtol=1e-5)
    np.testing.assert_array_equal(x, 100.0)


def test_preprocessing_in_a_graph():
    inputs = ranvier.Input((4, 4, 3))
    model = ranvier.Model(inputs, apps.resnet50.preprocess_input(inputs))
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    np.testing.assert_allclose(model(x), apps.resnet50.preprocess_input(x), rtol=1e-6, atol=1e-5)


def test_preprocessing_refuses():
    with pytest.raises(ArgumentError, match="mode"):
        imagenet_utils.preprocess_input(np.zeros((2, 2, 3)), mode="other")
    with pytest.raises(ArgumentError, match="data_format"):
        imagenet_utils.preprocess_input(np.zeros((2, 2, 3)), data_format="other")
    with pytest.raises(ShapeError, match="3 channels"):
        imagenet_utils.preprocess_input(np.zeros((2, 2, 4)))


def test_decode_predictions(tmp_path, monkeypatch):
    file = tmp_path / "names.json"
    asked = []
    monkeypatch.setattr(imagenet_utils, "_class_names", {})
    monkeypatch.setattr(imagenet_utils, "get_file", lambda *a, **k: asked.append((a, k)) or str(file))
    file.write_text(json.dumps({str(i): [f"n{i:08d}", f"class_{i}"] for i in range(999)}))
    predictions = np.random.default_rng(0).random((2, 1000)).astype("float32")
    with pytest.raises(DataError, match="lacks"):
        apps.resnet50.decode_predictions(predictions)
    file.write_text(json.dumps({str(i): [f"n{i:08d}", f"class_{i}"] for i in range(1000)}))
    decoded = apps.resnet50.decode_predictions(predictions, top=3)
    for row, found in zip(predictions, decoded, strict=True):
        best = np.argsort(row)[::-1][:3]
        assert found == [(f"n{i:08d}", f"class_{i}", row[i]) for i in best]
    assert asked[-1][1]["cache_subdir"] == "models"
    assert len(asked[-1][1]["file_hash"]) == 32
    for wrong in (np.zeros((2, 5)), np.zeros(1000)):
        with pytest.raises(ShapeError, match="1000"):
            imagenet_utils.decode_predictions(wrong)
