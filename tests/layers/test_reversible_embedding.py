"""`ReversibleEmbedding`'s way back against Keras, and what an embedding says to integers it has no vectors for."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core.errors import ArgumentError, DataError
from ranvier.core.masks import get_mask

TOKENS = np.array([[1, 2, 0]], "int32")
VECTORS = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("cap", [None, 0.5])
@pytest.mark.parametrize("dtypes", [("float32", None), ("mixed_bfloat16", None), ("mixed_bfloat16", "float32")])
def test_the_way_back(tie, cap, dtypes):
    policy, reverse_dtype = dtypes
    pair = [
        m.ReversibleEmbedding(5, 4, tie_weights=tie, logit_soft_cap=cap, reverse_dtype=reverse_dtype, dtype=policy)
        for m in (layers, keras.layers)
    ]
    for layer in pair:
        layer.build()
    weights = [np.random.default_rng(1).normal(size=v.shape).astype("float32") for v in pair[0].weights]
    for layer in pair:
        layer.set_weights(weights)
    found, expected = (layer(VECTORS, reverse=True) for layer in pair)
    symbol = pair[0](layers.Input((3, 4)), reverse=True)
    assert symbol.shape == (None, 3, 5)
    assert symbol.dtype == found.dtype.name
    if policy == "float32":
        assert found.dtype == expected.dtype
    tolerance = 1e-5 if policy == "float32" else 0.05
    np.testing.assert_allclose(found.astype("float32"), np.asarray(expected, "float32"), rtol=tolerance, atol=tolerance)


def test_a_language_model_of_one_table_trains(tmp_path):
    table = layers.ReversibleEmbedding(6, 8)
    inputs = ranvier.Input((4,), dtype="int32")
    model = ranvier.Model(inputs, table(layers.Dense(8, activation="tanh")(table(inputs)), reverse=True))
    loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(ranvier.optimizers.Adam(0.02), loss)
    x = np.random.default_rng(0).integers(0, 6, (64, 4))
    history = model.fit(x, (x + 1) % 6, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0] / 3
    assert [v.name for v in model.weights].count("embeddings") == 1
    model.save(tmp_path / "m.keras")
    read = ranvier.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(read.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_masks_come_only_with_integers():
    layer = layers.ReversibleEmbedding(5, 4, mask_zero=True)
    assert np.asarray(get_mask(layer(TOKENS))).tolist() == [[True, True, False]]
    assert get_mask(layer(VECTORS, reverse=True)) is None


def test_refusals():
    with pytest.raises(ArgumentError, match="logit_soft_cap"):
        layers.ReversibleEmbedding(5, 4, logit_soft_cap=0.0)


@pytest.mark.parametrize("wrong", [3, -1, 100])
@pytest.mark.parametrize("kind", ["Embedding", "ReversibleEmbedding"])
def test_integers_without_a_vector_are_named(wrong, kind):
    tokens = np.array([[1, 2], [0, wrong]])
    with pytest.raises(DataError, match=rf"\[1, 1\] = {wrong} \(1 of 4"):
        getattr(layers, kind)(3, 2)(tokens)


def test_fit_looks_at_its_data_once_for_each_embedding():
    good = np.array([[0, 1], [2, 2], [1, 0]])
    bad = np.array([[0, 1], [2, 3], [1, 0]])
    target = np.zeros((3, 2, 1), "float32")
    a, b = ranvier.Input((2,), name="a"), ranvier.Input((2,), name="b")
    both = ranvier.Model([a, b], layers.Add()([layers.Embedding(4, 1)(a), layers.Embedding(3, 1)(b)]))
    chain = ranvier.Sequential([layers.Embedding(3, 1)])
    for model in (both, chain):
        model.compile("sgd", "mse")
    chain.fit(good, target, verbose=0)
    both.fit([bad, good], target, verbose=0)
    both.fit({"a": bad, "b": good}, target, verbose=0)
    with pytest.raises(DataError, match=r"x\[1, 1\] = 3"):
        chain.fit(bad, target, verbose=0)
    with pytest.raises(DataError, match=r"x\[1\]\[1, 1\] = 3"):
        both.fit([good, bad], target, verbose=0)
    with pytest.raises(DataError, match="validation_data's x"):
        chain.fit(good, target, validation_data=(bad, target), verbose=0)
