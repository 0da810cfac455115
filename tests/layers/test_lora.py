"""Low-rank adaptation: what it freezes, trains, keeps and refuses. Keras is the oracle."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, NotBuiltError

X = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")
IMAGES = np.random.default_rng(1).normal(size=(2, 4, 4, 4)).astype("float32")
TOKENS = np.array([[1, 2], [0, 3]], "int32")
KINDS = [
    ("Dense", {"units": 4}, X),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 4)}, X),
    ("Embedding", {"input_dim": 5, "output_dim": 4}, TOKENS),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "padding": "causal", "activation": "tanh"}, X),
    ("Conv2D", {"filters": 4, "kernel_size": (2, 3), "groups": 2}, IMAGES),
    ("Conv3D", {"filters": 2, "kernel_size": 2, "use_bias": False}, IMAGES.reshape(2, 4, 2, 2, 4)),
]


@pytest.mark.parametrize(("kind", "arguments", "x"), KINDS)
@pytest.mark.parametrize("alpha", [None, 6.0])
def test_enabled_later(kind, arguments, x, alpha):
    pair = []
    for module in (layers, keras.layers):
        layer = getattr(module, kind)(**arguments, name="it")
        layer.build(x.shape)
        layer.enable_lora(2, lora_alpha=alpha)
        pair.append(layer)
    ours, theirs = pair
    assert [(v.path, tuple(v.shape), v.trainable) for v in ours.weights] == [
        (v.path, tuple(v.shape), v.trainable) for v in theirs.weights
    ]
    weights = [np.random.default_rng(1).normal(size=v.shape).astype("float32") for v in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    what = "embeddings" if kind == "Embedding" else "kernel"
    np.testing.assert_allclose(getattr(ours, what), getattr(theirs, what), rtol=1e-5, atol=1e-6)
    for which in "ab":
        name = f"lora_{what}_{which}"
        assert tuple(getattr(ours, name).shape) == tuple(getattr(theirs, name).shape)
    assert (ours.lora_rank, ours.lora_alpha) == (theirs.lora_rank, theirs.lora_alpha)
    assert {k: v for k, v in ours.get_config().items() if "lora" in k} == {
        k: v for k, v in theirs.get_config().items() if "lora" in k
    }


@pytest.mark.parametrize(("kind", "arguments", "x"), KINDS)
def test_training_changes_only_the_factors_and_files_keep_the_sum(kind, arguments, x, tmp_path):
    inputs = ranvier.Input(x.shape[1:], dtype=x.dtype.name)
    layer = getattr(layers, kind)(**arguments)
    model = ranvier.Model(inputs, layers.Flatten()(layer(inputs)))
    before = model.predict(x, verbose=0)
    layer.enable_lora(1)
    np.testing.assert_allclose(model.predict(x, verbose=0), before, rtol=1e-6)  # B is zero
    frozen = np.array(layer.weights[0])
    model.compile("sgd", "mse")
    model.fit(x, np.ones_like(before), epochs=3, verbose=0)
    after = model.predict(x, verbose=0)
    assert np.abs(after - before).max() > 1e-4
    np.testing.assert_array_equal(frozen, layer.weights[0])
    for module in (ranvier, keras):
        path = str(tmp_path / "model.keras")
        model.save(path)
        read = module.models.load_model(path)
        np.testing.assert_allclose(read.predict(x, verbose=0), after, rtol=1e-5, atol=1e-6)
        factors = [v for v in read.layers[1].weights if "lora" in v.path]
        assert len(factors) == 2


def test_after_loading_the_factors_can_learn_again(tmp_path):
    model = ranvier.Sequential([ranvier.Input((3,)), layers.Dense(4, lora_rank=2)])
    model.save_weights(tmp_path / "w.weights.h5")
    model.load_weights(tmp_path / "w.weights.h5")
    a, b = (np.asarray(v) for v in model.layers[0].weights[2:])
    assert np.abs(a).min() > 0
    assert (b == 0).all()


def test_the_alpha_of_the_constructor_counts():
    layer = layers.Dense(4, lora_rank=2, lora_alpha=3.0)
    layer.build((None, 3))
    assert (layer.get_config()["lora_rank"], layer.get_config()["lora_alpha"]) == (2, 3.0)


def test_refusals():
    layer = layers.Dense(4)
    with pytest.raises(NotBuiltError, match="built"):
        layer.enable_lora(2)
    layer.build((None, 3))
    with pytest.raises(ArgumentError, match="lora_rank"):
        layer.enable_lora(0)
    layer.enable_lora(2)
    with pytest.raises(ArgumentError, match="already"):
        layer.enable_lora(2)
    held = layers.Dense(4, kernel_constraint="non_neg")
    held.build((None, 3))
    with pytest.raises(ArgumentError, match="kernel_constraint"):
        held.enable_lora(2)
