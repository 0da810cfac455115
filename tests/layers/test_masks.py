"""Masks: who makes them, who passes them on, who heeds them. Keras is the oracle."""

from __future__ import annotations

import gc

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import ranvier
from ranvier import layers
from ranvier.core import masks
from ranvier.core.errors import RanvierWarning
from ranvier.core.masks import get_mask

TOKENS = np.array([[1, 2, 0, 0], [3, 1, 2, 0]], "int32")
STEPS = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32") * (TOKENS > 0)[..., None]


def mask_of(x):
    mask = get_mask(x) if not isinstance(x, keras.KerasTensor) else x._keras_mask
    return None if mask is None else np.asarray(mask)


def test_embedding_and_masking_make_masks():
    assert (mask_of(layers.Embedding(4, 2, mask_zero=True)(TOKENS)) == (TOKENS != 0)).all()
    assert mask_of(layers.Embedding(4, 2)(TOKENS)) is None
    assert (mask_of(layers.Masking()(STEPS)) == (TOKENS != 0)).all()


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [("Dense", {"units": 2}), ("Activation", {"activation": "relu"}), ("Dropout", {"rate": 0.5}), ("ReLU", {}),
     ("LayerNormalization", {}), ("BatchNormalization", {}), ("Identity", {}), ("TimeDistributed", {"layer": "Dense"})],
)  # fmt: skip
def test_masks_pass_through(layer, arguments):
    arguments = {k: layers.Dense(2) if v == "Dense" else v for k, v in arguments.items()}
    masked = layers.Masking()(STEPS)
    assert (mask_of(getattr(layers, layer)(**arguments)(masked)) == (TOKENS != 0)).all()


def test_a_layer_that_cannot_heed_a_mask_says_so_and_ends_it():
    masked = layers.Masking()(STEPS)
    with pytest.warns(RanvierWarning, match="mask"):
        flat = layers.Flatten()(masked)
    assert mask_of(flat) is None


def test_batch_statistics_count_only_what_the_mask_keeps():
    results = []
    for module in (layers, keras.layers):
        layer = module.BatchNormalization(momentum=0.5)
        output = layer(STEPS, training=True, mask=TOKENS != 0)
        results.append([np.asarray(output), *map(np.asarray, layer.get_weights())])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    kept = STEPS[TOKENS != 0]
    np.testing.assert_allclose(results[0][3], 0.5 * kept.mean(0), rtol=1e-5)


def test_global_average_and_softmax_heed_masks():
    mask = TOKENS != 0
    np.testing.assert_allclose(
        layers.GlobalAveragePooling1D()(STEPS, mask=mask),
        keras.layers.GlobalAveragePooling1D()(STEPS, mask=mask),
        rtol=1e-6,
    )
    scores = STEPS[..., 0]
    ours = np.asarray(layers.Softmax()(scores, mask=mask))
    np.testing.assert_allclose(ours, keras.layers.Softmax()(scores, mask=mask), rtol=1e-6)
    assert (ours[~mask] == 0).all()


@pytest.mark.parametrize(
    ("layer", "arguments"), [("Add", {}), ("Maximum", {}), ("Concatenate", {"axis": 1}), ("Concatenate", {"axis": -1})]
)
@pytest.mark.parametrize("both", [True, False])
def test_merged_masks(layer, arguments, both):
    other = np.array([[1, 0, 3, 0], [3, 1, 2, 2]], "int32")
    results = []
    for module in (layers, keras.layers):
        a, b = (module.Embedding(4, 2, mask_zero=zero) for zero in (True, both))
        results.append(mask_of(getattr(module, layer)(**arguments)([a(TOKENS), b(other)])))
    ours, theirs = results
    assert (ours is None) == (theirs is None)
    if ours is not None:
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("layer", ["Multiply", "Maximum", "Minimum", "Add", "Average"])
@pytest.mark.parametrize("seed", range(4))
def test_merging_leaves_masked_elements_out(layer, seed):
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=(3, 2, 3, 2)).astype("float32")
    given = [rng.random((2, 3)) > 0.5 if rng.random() > 0.3 else None for _ in arrays]
    results = []
    for module in (layers, keras.layers):
        tensors = [jnp.array(a) for a in arrays]
        for tensor, mask in zip(tensors, given, strict=True):
            if mask is not None:
                tensor._keras_mask = jnp.array(mask)
        merged = getattr(module, layer)()(tensors)
        results.append((np.asarray(merged), mask_of(merged)))
    (ours, our_mask), (theirs, their_mask) = results
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_array_equal(our_mask, their_mask)


def test_masks_travel_through_functions_that_users_compile_and_nothing_is_kept():
    embedding, lstm = layers.Embedding(4, 2, mask_zero=True), layers.LSTM(3, seed=1)
    wanted = lstm(embedding(TOKENS))
    np.testing.assert_allclose(jax.jit(lambda t: lstm(sequences=embedding(t)))(TOKENS), wanted, rtol=1e-5)
    gc.collect()
    assert not masks._loose


def test_a_symbolic_mask_is_a_tensor_of_the_graph(tmp_path):
    tokens = ranvier.Input((4,), dtype="int32")
    vectors = layers.Embedding(4, 2, mask_zero=True)(tokens)
    assert vectors._keras_mask.shape == (None, 4)
    assert layers.Masking().compute_mask(ranvier.Input((3, 2))).shape == (None, 3)
    model = ranvier.Model(tokens, [vectors, vectors._keras_mask])
    model.save(tmp_path / "model.keras")
    for found in (model, ranvier.saving.load_model(tmp_path / "model.keras")):
        np.testing.assert_array_equal(found(TOKENS)[1], TOKENS != 0)


def test_what_is_passed_through_unchanged_keeps_its_mask():
    class Through(layers.Layer):
        supports_masking = True

        def call(self, x, mask=None):
            return x

    x = jnp.ones((2, 4, 3))
    found = Through()(x, mask=TOKENS != 0)
    assert mask_of(x) is None
    np.testing.assert_array_equal(mask_of(found), TOKENS != 0)


def test_who_defines_compute_mask_supports_masks():
    class Halves(layers.Layer):
        def call(self, x):
            return x[:, :2], x[:, 2:]

        def compute_mask(self, inputs, mask=None):
            return None if mask is None else (mask[:, :2], mask[:, 2:])

    first, second = Halves()(layers.Embedding(4, 2, mask_zero=True)(TOKENS))
    np.testing.assert_array_equal(np.concatenate([mask_of(first), mask_of(second)], 1), TOKENS != 0)
