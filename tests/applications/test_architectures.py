"""Every architecture, layer by layer as Keras has it; for some, the same predictions with the same weights."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import ranvier

from .structure import structure

NAMES = sorted(n for n in dir(keras.applications) if n[0].isupper())
SMALL = {"input_shape": (64, 64, 3), "classes": 5}
TALL = {"input_shape": (96, 96, 3), "classes": 5}

# What is cheap enough for every run; the others are marked slow.
QUICK = [
    ("VGG16", {"input_shape": (32, 32, 3), "include_top": False, "pooling": "max"}),
    ("ResNet50", SMALL),
    ("MobileNet", SMALL | {"alpha": 0.5, "classifier_activation": None}),
    ("MobileNetV2", TALL | {"alpha": 0.35}),
    ("MobileNetV3Small", {}),
    ("EfficientNetB0", SMALL),
    ("ConvNeXtTiny", SMALL),
]
OPTIONS = [
    ("ResNet50", {"include_top": False, "pooling": "avg"}),
    ("ResNet50V2", {"include_top": False, "pooling": "max", "input_shape": (40, 50, 1), "name": "own"}),
    ("DenseNet121", {"include_top": False, "pooling": "avg"}),
    ("Xception", {"include_top": False, "pooling": "avg"}),
    ("MobileNet", {"include_top": False}),
    ("MobileNet", {"dropout": 0, "depth_multiplier": 2, "alpha": 0.25, "input_shape": (65, 65, 3), "classes": 3}),
    ("MobileNetV2", {"include_top": False, "alpha": 1.4, "pooling": "avg"}),
    ("MobileNetV2", {"alpha": 0.3, "input_shape": (96, 128, 3), "name": "own"}),
    ("MobileNetV3Large", {"minimalistic": True}),
    ("MobileNetV3Large", {"include_top": False, "alpha": 1.25, "pooling": "avg", "include_preprocessing": False}),
    ("MobileNetV3Small", {"alpha": 1.25, "dropout_rate": 0, "classes": 7, "input_shape": (65, 65, 3)}),
    ("EfficientNetB0", {"include_top": False, "pooling": "avg"}),
    ("EfficientNetB1", {"input_shape": (41, 41, 1), "classes": 4}),
    ("EfficientNetV2B2", {"input_shape": (40, 40, 1), "classes": 4}),
    ("EfficientNetV2B0", {"include_preprocessing": False, "include_top": False, "pooling": "avg"}),
    ("ConvNeXtTiny", {"include_top": False}),
    ("ConvNeXtTiny", {"include_top": False, "input_shape": (40, 40, 1), "pooling": "max"}),
    ("ConvNeXtTiny", {"include_preprocessing": False, "name": "own", "input_shape": (40, 40, 3)}),
    ("NASNetMobile", {"include_top": False, "pooling": "max", "input_shape": (71, 71, 3)}),
]
# By default with the smallest input that suits all, and few classes.
ALL = [(n, TALL) for n in NAMES if n not in {q[0] for q in QUICK} | {"ConvNeXtXLarge"}]


@pytest.fixture
def no_draws(monkeypatch: pytest.MonkeyPatch):
    """Weights of zeros in both libraries: drawing hundreds of millions of numbers is not what is tested here."""
    for library in (keras, ranvier):
        for name in ("GlorotUniform", "VarianceScaling", "HeNormal"):
            cls = getattr(library.initializers, name)
            monkeypatch.setattr(
                cls, "__call__", lambda self, shape, dtype=None, **_: np.zeros(shape, dtype or "float32")
            )


def _structure(library, name: str, options: dict) -> str:
    library.utils.clear_session()
    model = getattr(library.applications, name)(weights=None, **options)
    return json.loads(json.dumps(structure(model)))


def _compare(name: str, options: dict) -> None:
    mine, theirs = (_structure(library, name, options) for library in (ranvier, keras))
    assert [row[:2] for row in mine] == [row[:2] for row in theirs]
    for one, other in zip(mine, theirs, strict=True):
        assert one == other


@pytest.mark.parametrize(("name", "options"), QUICK, ids=lambda v: v if isinstance(v, str) else "")
def test_layers(name: str, options: dict, no_draws):
    _compare(name, options)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), OPTIONS + ALL, ids=lambda v: v if isinstance(v, str) else "")
def test_more_layers(name: str, options: dict, no_draws):
    _compare(name, options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ResNet50V2", "MobileNetV2", "EfficientNetV2B0"])
def test_channels_first(name: str, no_draws):
    for library in (keras, ranvier):
        library.config.set_image_data_format("channels_first")
    try:
        _compare(name, {"input_shape": (3, 64, 64), "classes": 5})
    finally:
        for library in (keras, ranvier):
            library.config.set_image_data_format("channels_last")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["NASNetMobile", "DenseNet121"])
def test_channels_first_of_what_keras_refuses(name: str):
    """Keras has these with channels last only; ours give the same numbers both ways."""
    make = getattr(ranvier.applications, name)
    last = make(weights=None, input_shape=(64, 64, 3), classes=5)
    ranvier.config.set_image_data_format("channels_first")
    first = make(weights=None, input_shape=(3, 64, 64), classes=5)
    first.set_weights(last.get_weights())
    x = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype("float32")
    expected = last.predict(x, verbose=0)
    np.testing.assert_allclose(first.predict(x.transpose(0, 3, 1, 2), verbose=0), expected, rtol=2e-4, atol=2e-6)


def _same_predictions(name: str, size: int, **options) -> None:
    theirs = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=5, **options)
    mine = getattr(ranvier.applications, name)(weights=None, input_shape=(size, size, 3), classes=5, **options)
    rng = np.random.default_rng(0)
    weights = [np.asarray(w) for w in theirs.get_weights()]
    # Vectors, such as normalisations' statistics, begin at 0 and 1, which would hide mistakes.
    weights = [w * rng.uniform(0.8, 1.2, w.shape) + (w.ndim == 1) * rng.uniform(0, 0.1, w.shape) for w in weights]
    weights = [w.astype(np.asarray(v).dtype) for w, v in zip(weights, theirs.get_weights(), strict=True)]
    theirs.set_weights(weights)
    mine.set_weights(weights)
    x = rng.uniform(0, 255, (2, size, size, 3)).astype("float32")
    expected = theirs.predict(x, verbose=0)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(mine.predict(x, verbose=0), expected, rtol=2e-4, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("MobileNet", 32),
        ("MobileNetV3Small", 48),
        ("ResNet50V2", 32),
        ("EfficientNetV2B0", 32),
        ("ConvNeXtTiny", 32),
        ("Xception", 71),
    ],
)
def test_predictions(name: str, size: int):
    _same_predictions(name, size)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name: str):
    def spelled(library):
        parameters = inspect.signature(getattr(library.applications, name)).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters]

    assert spelled(ranvier) == spelled(keras)
    function = getattr(ranvier.applications, name)
    assert function.__name__ == name
    assert "Args:" in function.__doc__


def test_modules():
    for module in [m for m in dir(keras.applications) if m[0].islower()]:
        names = {n for n in dir(getattr(keras.applications, module)) if not n.startswith("_")}
        assert names <= set(dir(getattr(ranvier.applications, module))), module


def test_nothing_loads_before_it_is_used():
    code = "import ranvier, sys; assert 'ranvier.applications' not in sys.modules; assert 'h5py' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_own_layers_are_saved_and_loaded():
    layer = ranvier.applications.inception_resnet_v2.CustomScaleLayer(0.5, name="s")
    again = ranvier.layers.deserialize(ranvier.layers.serialize(layer))
    np.testing.assert_array_equal(again([np.ones(2), np.ones(2)]), [1.5, 1.5])
    scale = ranvier.applications.convnext.LayerScale(1e-6, 3)
    again = ranvier.layers.deserialize(ranvier.layers.serialize(scale))
    np.testing.assert_allclose(again(np.ones((1, 3))), np.full((1, 3), 1e-6))
    theirs = keras.layers.deserialize(ranvier.layers.serialize(scale))
    np.testing.assert_allclose(np.asarray(theirs(np.ones((1, 3)))), np.full((1, 3), 1e-6))
